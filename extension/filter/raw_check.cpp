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
  Relation relation;
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
          errmsg("decoding cannot evaluate values of type %s", format_type_be(type)),
          errdetail("Reading such a value may run functions that are not built in."),
          parser_errposition(check->state, location));
  pg_unreachable();
}

void CheckCast(const Check* check, const TypeCast* cast) {
  Oid type = LookupTypeNameOid(check->state, cast->typeName, true);
  if (!OidIsValid(type) || type < FirstNormalObjectId) return;
  bool own_input = get_typtype(type) == TYPTYPE_BASE;
  if (own_input || InputRunsUserCode(type, false)) RefuseType(check, type, cast->location);
}

bool IsPseudoColumn(const ColumnRef* reference) {
  if (list_length(reference->fields) != 1 || !IsA(linitial(reference->fields), String))
    return false;
  std::string_view name = strVal(linitial(reference->fields));
  return name == "action" || name == "table_schema" || name == "table_name";
}

// Whatever the names will turn out to mean: each that could be a column is looked at, and one
// that is not may be the whole row.
void CheckColumns(const Check* check, const ColumnRef* reference) {
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
  if (!any_column && !IsPseudoColumn(reference) && ColumnsRunUserCode(columns)) {
    RefuseType(check, check->relation->rd_rel->reltype, reference->location);
  }
}

bool Walk(Node* node, void* context) {
  if (node == nullptr) return false;
  auto* check = static_cast<Check*>(context);
  if (IsA(node, SubLink)) {
    ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
            errmsg("decoding cannot evaluate a subquery"),
            parser_errposition(check->state, castNode(SubLink, node)->location));
  }
  if (IsA(node, TypeCast)) CheckCast(check, castNode(TypeCast, node));
  if (IsA(node, ColumnRef)) CheckColumns(check, castNode(ColumnRef, node));
  return raw_expression_tree_walker(node, reinterpret_cast<bool (*)()>(Walk), context);
}

// ---- changed('column', …) ----------------------------------------------------------------------

[[noreturn]] void RefuseChanged(ParseState* state, int location) {
  ereport(ERROR, errcode(ERRCODE_SYNTAX_ERROR),
          errmsg("the arguments of changed must be names of columns as string constants"),
          errhint("For example changed('status', 'total')."), parser_errposition(state, location));
  pg_unreachable();
}

const char* ColumnArgument(ParseState* state, Node* argument) {
  if (!IsA(argument, A_Const)) RefuseChanged(state, exprLocation(argument));
  auto* constant = castNode(A_Const, argument);
  if (constant->isnull || !IsA(&constant->val, String)) RefuseChanged(state, constant->location);
  return strVal(&constant->val);
}

Node* RowOf(ParseState* state, const char* row, List* columns) {
  RowExpr* expression = makeNode(RowExpr);
  expression->row_format = COERCE_EXPLICIT_CALL;
  expression->location = -1;
  ListCell* cell;
  foreach (cell, columns) {
    ColumnRef* column = makeNode(ColumnRef);
    auto* argument = static_cast<Node*>(lfirst(cell));
    column->fields =
        list_make2(makeString(pstrdup(row)), makeString(pstrdup(ColumnArgument(state, argument))));
    column->location = castNode(A_Const, argument)->location;
    expression->args = lappend(expression->args, column);
  }
  return reinterpret_cast<Node*>(expression);
}

// Becomes a comparison of two rows by the images of their values, which every type has.
void RewriteChanged(ParseState* state, FuncCall* call) {
  if (list_length(call->funcname) != 1 ||
      strcmp(strVal(linitial(call->funcname)), "changed") != 0) {
    return;
  }
  bool plain = call->agg_order == NIL && call->agg_filter == nullptr && call->over == nullptr &&
               !call->agg_star && !call->agg_distinct && !call->func_variadic;
  if (!plain || call->args == NIL) RefuseChanged(state, call->location);
  List* rows = list_make2(RowOf(state, "old", call->args), RowOf(state, "new", call->args));
  call->funcname =
      list_make2(makeString(pstrdup("pg_catalog")), makeString(pstrdup("record_image_ne")));
  call->args = rows;
}

// ---- both tiers --------------------------------------------------------------------------------

struct Preparation {
  ParseState* state;
  bool in_query;
};

void CheckStar(ParseState* state, const ColumnRef* reference) {
  if (!IsA(llast(reference->fields), A_Star)) return;
  ereport(ERROR, errcode(ERRCODE_SYNTAX_ERROR), errmsg("a filter cannot contain *"),
          errhint("Write new IS DISTINCT FROM old to compare whole rows."),
          parser_errposition(state, reference->location));
}

bool Prepare(Node* node, void* context) {
  if (node == nullptr) return false;
  auto* preparation = static_cast<Preparation*>(context);
  ParseState* state = preparation->state;
  if (IsA(node, ParamRef)) {
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_PARAMETER),
            errmsg("a filter cannot have parameters such as $%d", castNode(ParamRef, node)->number),
            parser_errposition(state, castNode(ParamRef, node)->location));
  }
  if (IsA(node, FuncCall)) RewriteChanged(state, castNode(FuncCall, node));
  if (IsA(node, ColumnRef) && !preparation->in_query) CheckStar(state, castNode(ColumnRef, node));
  Preparation inner{state, preparation->in_query || IsA(node, SubLink)};
  return raw_expression_tree_walker(node, reinterpret_cast<bool (*)()>(Prepare), &inner);
}

}  // namespace

void PrepareRawExpression(Node* raw, ParseState* state) {
  Preparation preparation{state, false};
  Prepare(raw, &preparation);
}

void RequireHarmlessText(Node* raw, ParseState* state, Relation relation) {
  Check check{state, relation};
  Walk(raw, &check);
}

}  // namespace sequin
