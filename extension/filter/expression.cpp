// Text → expression tree (expression.h), as CREATE TRIGGER … WHEN does it, with one more row.
#include "filter/expression.h"

#include "filter/fixed_settings.h"

namespace sequin {
namespace {

// Positions are in the filter, not in the statement that brought it.
void AddFilterPlace(void* argument) {
  auto* place = static_cast<FilterPlace*>(argument);
  int position = geterrposition();
  if (position > 0) {
    errposition(0);
    internalerrposition(position);
    internalerrquery(place->sql);
  }
  if (place->table != nullptr) errcontext("filter for table \"%s\"", place->table);
}

[[noreturn]] void RefuseSyntax(const char* what) {
  ereport(ERROR, errcode(ERRCODE_SYNTAX_ERROR), errmsg("a filter cannot contain %s", what),
          errhint("A filter is one boolean expression, as after WHERE."));
  pg_unreachable();
}

const char* ExtraClause(const SelectStmt* select) {
  if (select->fromClause != NIL) return "FROM";
  if (select->whereClause != nullptr) return "WHERE";
  if (select->groupClause != NIL) return "GROUP BY";
  if (select->havingClause != nullptr) return "HAVING";
  if (select->windowClause != NIL) return "WINDOW";
  if (select->sortClause != NIL) return "ORDER BY";
  if (select->limitOffset != nullptr || select->limitCount != nullptr) return "LIMIT or OFFSET";
  if (select->lockingClause != NIL) return "FOR UPDATE or FOR SHARE";
  if (select->distinctClause != NIL) return "DISTINCT";
  if (select->op != SETOP_NONE || select->valuesLists != NIL || select->withClause != nullptr) {
    return "a query";
  }
  return nullptr;
}

// `action`, `table_schema` and `table_name`, where the table has no column of that name.
Node* PseudoColumn(ParseState* state, ColumnRef* reference, Node* column) {
  if (column != nullptr || list_length(reference->fields) != 1) return nullptr;
  if (!IsA(linitial(reference->fields), String)) return nullptr;
  std::string_view name = strVal(linitial(reference->fields));
  auto* published = static_cast<PublishedName*>(state->p_ref_hook_state);
  if (name == "action") {
    Param* param = makeNode(Param);
    param->paramkind = PARAM_EXTERN;
    param->paramid = kActionParameter;
    param->paramtype = TEXTOID;
    param->paramtypmod = -1;
    param->paramcollid = DEFAULT_COLLATION_OID;
    param->location = reference->location;
    return reinterpret_cast<Node*>(param);
  }
  const char* value = name == "table_schema" ? published->schema
                      : name == "table_name" ? published->table
                                             : nullptr;
  if (value == nullptr) return nullptr;
  Const* text =
      makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1, CStringGetTextDatum(value), false, false);
  text->location = reference->location;
  return reinterpret_cast<Node*>(text);
}

void AddRow(ParseState* state, Relation relation, const char* name, bool name_visible,
            bool columns_visible) {
  ParseNamespaceItem* row = addRangeTableEntryForRelation(state, relation, AccessShareLock,
                                                          makeAlias(name, NIL), false, false);
  addNSItemToQuery(state, row, false, name_visible, columns_visible);
}

void AddRows(ParseState* state, Relation relation, const char* table) {
  AddRow(state, relation, "old", true, false);
  AddRow(state, relation, "new", true, false);
  bool own_name = strcmp(table, "old") != 0 && strcmp(table, "new") != 0;
  AddRow(state, relation, table, own_name, true);
}

FilterExpression Parse(Relation relation, PublishedName* name, const char* sql) {
  ParseState* state = make_parsestate(nullptr);
  state->p_sourcetext = sql;
  Node* raw = RawExpression(state, sql);
  RequireHarmlessText(raw, state, relation);
  AddRows(state, relation, name->row);
  state->p_post_columnref_hook = PseudoColumn;
  state->p_ref_hook_state = name;
  // The kind for a select list lets aggregates and the like through to RequireDecodable, which
  // refuses everything that is not known to be good with the same words.
  Node* tree = transformExpr(state, raw, EXPR_KIND_SELECT_TARGET);
  tree = coerce_to_boolean(state, tree, "filter");
  assign_expr_collations(state, tree);
  for (int row : {kOldRow, kNewRow, kPlainRow}) tree = ExpandVirtualColumns(tree, relation, row);
  RequireDecodable(tree, state, false);

  FilterExpression expression{};
  pull_varattnos(tree, kOldRow, &expression.old_columns);
  pull_varattnos(tree, kNewRow, &expression.new_columns);
  pull_varattnos(tree, kPlainRow, &expression.plain_columns);
  expression.tree = expression_planner(reinterpret_cast<Expr*>(tree));
  RequireDecodable(reinterpret_cast<Node*>(expression.tree), state, true);
  return expression;
}

}  // namespace

PublishedName NameAsPublished(Relation relation, Oid published) {
  Oid root = RelationGetRelid(relation);
  if (relation->rd_rel->relispartition) {
    List* ancestors = get_partition_ancestors(root);
    if (ancestors != NIL) root = llast_oid(ancestors);
  }
  if (!OidIsValid(published)) published = root;
  const char* row = get_rel_name(root);
  const char* table = get_rel_name(published);
  const char* schema = table ? get_namespace_name(get_rel_namespace(published)) : nullptr;
  if (schema != nullptr && row != nullptr) return {schema, table, row};
  const char* own = RelationGetRelationName(relation);
  return {get_namespace_name(RelationGetNamespace(relation)), own, own};
}

void WithFilterPlace(FilterPlace place, void (*body)(void*), void* argument) {
  ErrorContextCallback callback;
  callback.callback = AddFilterPlace;
  callback.arg = &place;
  callback.previous = error_context_stack;
  error_context_stack = &callback;
  body(argument);
  error_context_stack = callback.previous;
}

// Whatever else the grammar takes there is refused by name.
Node* RawExpression(ParseState* state, const char* sql) {
  List* statements = raw_parser(sql, RAW_PARSE_PLPGSQL_EXPR);
  Node* statement = castNode(RawStmt, linitial(statements))->stmt;
  if (!IsA(statement, SelectStmt)) RefuseSyntax("a statement");
  auto* select = castNode(SelectStmt, statement);
  if (const char* clause = ExtraClause(select)) RefuseSyntax(clause);
  if (select->targetList == NIL) {
    ereport(ERROR, errcode(ERRCODE_SYNTAX_ERROR), errmsg("the filter is empty"),
            errhint("A filter is one boolean expression, as after WHERE."));
  }
  if (list_length(select->targetList) != 1) RefuseSyntax("a list of expressions");
  auto* target = castNode(ResTarget, linitial(select->targetList));
  if (target->name != nullptr || target->indirection != NIL) RefuseSyntax("AS");
  PrepareRawExpression(target->val, state);
  return target->val;
}

void CheckExpressionSyntax(const char* sql) {
  WithFilterPlace({sql, nullptr}, [&] {
    UnderFixedSettings([&] {
      ParseState* state = make_parsestate(nullptr);
      state->p_sourcetext = sql;
      RawExpression(state, sql);
    });
  });
}

FilterExpression ParseFilterExpression(Relation relation, Oid published, const char* sql) {
  FilterExpression expression{};
  PublishedName name = NameAsPublished(relation, published);
  WithFilterPlace({sql, name.row},
                  [&] { UnderFixedSettings([&] { expression = Parse(relation, &name, sql); }); });
  return expression;
}

}  // namespace sequin
