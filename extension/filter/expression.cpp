// Text → expression tree (expression.h), as CREATE TRIGGER … WHEN does it, with one more row.
#include "filter/expression.h"

namespace sequin {
namespace {

struct Setting {
  const char* name;
  const char* value;
};

// What reading an expression depends on. The same text must mean the same in the session that
// makes the consumer and in the worker that decodes.
constexpr Setting kSettings[] = {
    {"search_path", "pg_catalog, pg_temp"},
    {"TimeZone", "UTC"},
    {"DateStyle", "ISO, MDY"},
    {"IntervalStyle", "postgres"},
    {"lc_monetary", "C"},
    {"array_nulls", "on"},
    {"standard_conforming_strings", "on"},
    {"backslash_quote", "safe_encoding"},
    {"transform_null_equals", "off"},
    {"xmloption", "content"},
};

// An ERROR leaves the settings to the (sub)transaction that it aborts.
template <typename Body>
void UnderFixedSettings(Body&& body) {
  int nest_level = NewGUCNestLevel();
  for (const Setting& setting : kSettings) {
    set_config_option(setting.name, setting.value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
                      true, 0, false);
  }
  body();
  AtEOXact_GUC(true, nest_level);
}

struct ErrorPlace {
  const char* sql;
  const char* table;  // nullptr: for no table in particular
};

// Positions are in the filter, not in the statement that brought it.
void AddErrorPlace(void* argument) {
  auto* place = static_cast<ErrorPlace*>(argument);
  int position = geterrposition();
  if (position > 0) {
    errposition(0);
    internalerrposition(position);
    internalerrquery(place->sql);
  }
  if (place->table != nullptr) errcontext("filter for table \"%s\"", place->table);
}

template <typename Body>
void WithErrorPlace(ErrorPlace place, Body&& body) {
  ErrorContextCallback callback;
  callback.callback = AddErrorPlace;
  callback.arg = &place;
  callback.previous = error_context_stack;
  error_context_stack = &callback;
  body();
  error_context_stack = callback.previous;
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

// The one expression of the text: whatever else the grammar takes there is refused by name.
Node* RawExpression(ParseState* state, Relation relation, const char* sql) {
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
  RequireHarmlessText(target->val, state, relation);
  return target->val;
}

// Partitions are published as their root, and filters are written for that name.
const char* PublishedName(Relation relation) {
  if (!relation->rd_rel->relispartition) return RelationGetRelationName(relation);
  List* ancestors = get_partition_ancestors(RelationGetRelid(relation));
  const char* name = ancestors == NIL ? nullptr : get_rel_name(llast_oid(ancestors));
  return name != nullptr ? name : RelationGetRelationName(relation);
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

FilterExpression Parse(Relation relation, const char* table, const char* sql) {
  ParseState* state = make_parsestate(nullptr);
  state->p_sourcetext = sql;
  AddRows(state, relation, table);
  // The kind for a select list lets aggregates and the like through to RequireDecodable, which
  // refuses everything that is not known to be good with the same words.
  Node* tree = transformExpr(state, RawExpression(state, relation, sql), EXPR_KIND_SELECT_TARGET);
  tree = coerce_to_boolean(state, tree, "filter");
  assign_expr_collations(state, tree);
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

void CheckExpressionSyntax(const char* sql) {
  WithErrorPlace({sql, nullptr}, [&] {
    UnderFixedSettings([&] {
      ParseState* state = make_parsestate(nullptr);
      state->p_sourcetext = sql;
      RawExpression(state, nullptr, sql);
    });
  });
}

FilterExpression ParseFilterExpression(Relation relation, const char* sql) {
  FilterExpression expression{};
  const char* table = PublishedName(relation);
  WithErrorPlace({sql, table},
                 [&] { UnderFixedSettings([&] { expression = Parse(relation, table, sql); }); });
  return expression;
}

}  // namespace sequin
