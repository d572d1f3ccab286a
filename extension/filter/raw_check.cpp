// What is refused before names are looked up (expression.h).
//
// Looking up already runs code: a literal becomes a value of its type at once, by the input
// function of the type. In the worker that would be code of users with the rights of the server:
// the checks of a domain, when it is part of an array, a row or a range. So the types that a
// literal could take must not bring any: those of casts, and those of the columns in view.
#include "filter/expression.h"

namespace sequin {
namespace {

struct Check {
  ParseState* state;
  Relation relation;  // nullptr: no table is known
};

bool InputRunsUserCode(Oid type, bool inside_another);

bool ColumnsRunUserCode(TupleDesc columns) {
  for (int i = 0; i < columns->natts; i++) {
    Form_pg_attribute column = TupleDescAttr(columns, i);
    if (!column->attisdropped && InputRunsUserCode(column->atttypid, true)) return true;
  }
  return false;
}

// A domain by itself is read as its base type and then checked by a node of the expression, which
// is refused later. Input functions of base types are C: only superusers make those.
bool InputRunsUserCode(Oid type, bool inside_another) {
  check_stack_depth();
  if (type < FirstNormalObjectId) return false;
  if (Oid element = get_element_type(type); OidIsValid(element)) {
    return InputRunsUserCode(element, true);
  }
  switch (get_typtype(type)) {
    case TYPTYPE_DOMAIN:
      return inside_another || InputRunsUserCode(getBaseType(type), false);
    case TYPTYPE_COMPOSITE:
      return ColumnsRunUserCode(lookup_rowtype_tupdesc_copy(type, -1));
    case TYPTYPE_RANGE:
    case TYPTYPE_MULTIRANGE:
      return true;
    default:
      return false;
  }
}

[[noreturn]] void RefuseType(const Check* check, Oid type, int location) {
  ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
          errmsg("a filter cannot use values of type %s", format_type_be(type)),
          errdetail("Reading such a value may run functions that are not built in."),
          errhint("Filters run while the WAL is decoded and may use built-in immutable functions "
                  "and operators only; other filters are not supported yet."),
          parser_errposition(check->state, location));
  pg_unreachable();
}

void CheckCast(const Check* check, const TypeCast* cast) {
  Oid type = LookupTypeNameOid(check->state, cast->typeName, true);
  if (!OidIsValid(type) || type < FirstNormalObjectId) return;
  bool own_input = get_typtype(type) == TYPTYPE_BASE;
  if (own_input || InputRunsUserCode(type, false)) RefuseType(check, type, cast->location);
}

// Whatever the names will turn out to mean: each that could be a column is looked at, and one
// that is not may be the whole row.
void CheckColumns(const Check* check, const ColumnRef* reference) {
  if (check->relation == nullptr) return;
  TupleDesc columns = RelationGetDescr(check->relation);
  bool any_column = false;
  ListCell* cell;
  foreach (cell, reference->fields) {
    if (!IsA(lfirst(cell), String)) continue;
    for (int i = 0; i < columns->natts; i++) {
      Form_pg_attribute column = TupleDescAttr(columns, i);
      if (column->attisdropped || strcmp(NameStr(column->attname), strVal(lfirst(cell))) != 0) {
        continue;
      }
      any_column = true;
      if (InputRunsUserCode(column->atttypid, false)) {
        RefuseType(check, column->atttypid, reference->location);
      }
    }
  }
  if (!any_column && ColumnsRunUserCode(columns)) {
    RefuseType(check, check->relation->rd_rel->reltype, reference->location);
  }
}

void CheckStar(const Check* check, const ColumnRef* reference) {
  if (!IsA(llast(reference->fields), A_Star)) return;
  ereport(ERROR, errcode(ERRCODE_SYNTAX_ERROR), errmsg("a filter cannot contain *"),
          errhint("Write new IS DISTINCT FROM old to compare whole rows."),
          parser_errposition(check->state, reference->location));
}

bool Walk(Node* node, void* context) {
  if (node == nullptr) return false;
  auto* check = static_cast<Check*>(context);
  if (IsA(node, SubLink)) {
    ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
            errmsg("a filter cannot contain a subquery"),
            errhint("A filter sees one row; filters that look up others are not supported yet."),
            parser_errposition(check->state, castNode(SubLink, node)->location));
  }
  if (IsA(node, ParamRef)) {
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_PARAMETER),
            errmsg("a filter cannot have parameters such as $%d", castNode(ParamRef, node)->number),
            parser_errposition(check->state, castNode(ParamRef, node)->location));
  }
  if (IsA(node, TypeCast)) CheckCast(check, castNode(TypeCast, node));
  if (IsA(node, ColumnRef)) {
    CheckStar(check, castNode(ColumnRef, node));
    CheckColumns(check, castNode(ColumnRef, node));
  }
  return raw_expression_tree_walker(node, reinterpret_cast<bool (*)()>(Walk), context);
}

}  // namespace

void RequireHarmlessText(Node* raw, ParseState* state, Relation relation) {
  Check check{state, relation};
  Walk(raw, &check);
}

}  // namespace sequin
