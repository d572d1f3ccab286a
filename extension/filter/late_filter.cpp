// Filters as queries (late_filter.h): SELECT true WHERE <filter>, with rows as parameters.
#include "filter/late_filter.h"

#include "change/action.h"
#include "filter/late_rows.h"
#include "pg/memory.h"
#include "pg/table.h"

namespace sequin {
namespace {

enum Parameter { kOld = 1, kNew, kPlain, kAction, kSchema, kTable };
constexpr int kParameters = kTable;

// What names mean; the argument of the parser's hooks.
struct Scope {
  Oid relid;
  Oid row_type;
  const char* table;
  MemoryContext context;  // of the columns
  FilterColumns columns;
};

Scope ScopeOf(Relation relation, const PublishedName& name, MemoryContext context) {
  return {RelationGetRelid(relation),
          relation->rd_rel->reltype,
          MemoryContextStrdup(context, name.row),
          context,
          {}};
}

// ---- names -------------------------------------------------------------------------------------

void Note(Scope* scope, Parameter row, AttrNumber column) {
  Bitmapset** used = row == kOld   ? &scope->columns.old_row
                     : row == kNew ? &scope->columns.new_row
                                   : &scope->columns.plain_row;
  InContext(scope->context,
            [&] { *used = bms_add_member(*used, column - FirstLowInvalidHeapAttributeNumber); });
}

Param* ParameterNode(Parameter number, Oid type, int location) {
  Param* param = makeNode(Param);
  param->paramkind = PARAM_EXTERN;
  param->paramid = number;
  param->paramtype = type;
  param->paramtypmod = -1;
  param->paramcollid = type == TEXTOID ? DEFAULT_COLLATION_OID : InvalidOid;
  param->location = location;
  return param;
}

Node* WholeRow(Scope* scope, Parameter row, int location) {
  Note(scope, row, 0);
  return reinterpret_cast<Node*>(ParameterNode(row, scope->row_type, location));
}

// nullptr: the table has no such column.
Node* ColumnOfRow(Scope* scope, Parameter row, const char* name, int location) {
  AttrNumber number = get_attnum(scope->relid, name);
  if (number <= 0) return nullptr;
  Note(scope, row, number);
  FieldSelect* field = makeNode(FieldSelect);
  field->arg = reinterpret_cast<Expr*>(ParameterNode(row, scope->row_type, location));
  field->fieldnum = number;
  get_atttypetypmodcoll(scope->relid, number, &field->resulttype, &field->resulttypmod,
                        &field->resultcollid);
  return reinterpret_cast<Node*>(field);
}

bool RowCalled(const Scope* scope, std::string_view name, Parameter* row) {
  *row = name == "old" ? kOld : name == "new" ? kNew : kPlain;
  return *row != kPlain || name == scope->table;
}

Node* SingleName(Scope* scope, const char* name, int location) {
  if (Node* column = ColumnOfRow(scope, kPlain, name, location)) return column;
  Parameter row;
  if (RowCalled(scope, name, &row)) return WholeRow(scope, row, location);
  std::string_view view = name;
  Parameter pseudo = view == "action"         ? kAction
                     : view == "table_schema" ? kSchema
                     : view == "table_name"   ? kTable
                                              : kOld;
  if (pseudo == kOld) return nullptr;
  return reinterpret_cast<Node*>(ParameterNode(pseudo, TEXTOID, location));
}

// What the query itself gives no meaning to.
Node* ResolveName(ParseState* state, ColumnRef* reference, Node* known) {
  if (known != nullptr) return nullptr;
  auto* scope = static_cast<Scope*>(state->p_ref_hook_state);
  ListCell* cell;
  foreach (cell, reference->fields) {
    if (!IsA(lfirst(cell), String)) return nullptr;
  }
  const char* first = strVal(linitial(reference->fields));
  if (list_length(reference->fields) == 1) return SingleName(scope, first, reference->location);
  Parameter row;
  if (list_length(reference->fields) != 2 || !RowCalled(scope, first, &row)) return nullptr;
  const char* column = strVal(lsecond(reference->fields));
  Node* node = ColumnOfRow(scope, row, column, reference->location);
  if (node != nullptr) return node;
  ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
          errmsg("column %s.%s does not exist", first, column),
          parser_errposition(state, reference->location));
  return nullptr;
}

// Once for each analysis: columns are noted anew.
void SetUpParser(ParseState* state, void* argument) {
  auto* scope = static_cast<Scope*>(argument);
  scope->columns = FilterColumns{};
  state->p_post_columnref_hook = ResolveName;
  state->p_ref_hook_state = scope;
}

// ---- the query ---------------------------------------------------------------------------------

RawStmt* RawQuery(const char* sql) {
  ParseState* state = make_parsestate(nullptr);
  state->p_sourcetext = sql;
  SelectStmt* select = makeNode(SelectStmt);
  A_Const* constant = makeNode(A_Const);
  constant->val.boolval.type = T_Boolean;
  constant->val.boolval.boolval = true;
  constant->location = -1;
  ResTarget* target = makeNode(ResTarget);
  target->val = reinterpret_cast<Node*>(constant);
  target->location = -1;
  select->targetList = list_make1(target);
  select->whereClause = RawExpression(state, sql);
  RawStmt* statement = makeNode(RawStmt);
  statement->stmt = reinterpret_cast<Node*>(select);
  return statement;
}

List* Analyze(RawStmt* statement, const char* sql, Scope* scope) {
  return pg_analyze_and_rewrite_withcb(statement, sql, SetUpParser, scope, nullptr);
}

}  // namespace

FilterColumns CheckLateFilter(Relation relation, const PublishedName& name, const char* sql) {
  Scope scope = ScopeOf(relation, name, CurrentMemoryContext);
  WithFilterPlace({sql, name.row}, [&] { Analyze(RawQuery(sql), sql, &scope); });
  return scope.columns;
}

class LateFilter {
 public:
  MemoryContext context;
  const char* sql;
  Scope scope;
  uint64 row_version;  // of the table's row type
  CachedPlanSource* source;
};

LateFilter* NewLateFilter(Relation relation, const PublishedName& name, const char* sql,
                          MemoryContext parent) {
  MemoryContext context = NewContext(CurrentMemoryContext, "sequin late filter");
  auto* filter = New<LateFilter>(context);
  filter->context = context;
  filter->sql = MemoryContextStrdup(context, sql);
  filter->scope = ScopeOf(relation, name, context);
  filter->row_version = assign_record_type_identifier(filter->scope.row_type, -1);
  WithFilterPlace({filter->sql, filter->scope.table}, [&] {
    RawStmt* statement = RawQuery(filter->sql);
    filter->source = CreateCachedPlan(statement, filter->sql, CMDTAG_SELECT);
    List* queries = Analyze(statement, filter->sql, &filter->scope);
    CompleteCachedPlan(filter->source, queries, nullptr, nullptr, 0, SetUpParser, &filter->scope,
                       CURSOR_OPT_GENERIC_PLAN, true);
  });
  MemoryContextSetParent(context, parent);
  SaveCachedPlan(filter->source);
  return filter;
}

void FreeLateFilter(LateFilter* filter) {
  DropCachedPlan(filter->source);
  MemoryContextDelete(filter->context);
}

bool LateFilterFits(const LateFilter* filter) {
  return CachedPlanIsValid(filter->source) &&
         assign_record_type_identifier(filter->scope.row_type, -1) == filter->row_version;
}

// ---- evaluating --------------------------------------------------------------------------------

static void SetParameter(ParamListInfo list, Parameter number, Oid type, Datum value,
                         bool is_null) {
  ParamExternData& parameter = list->params[number - 1];
  parameter.value = value;
  parameter.isnull = is_null;
  parameter.pflags = PARAM_FLAG_CONST;
  parameter.ptype = type;
}

static ParamListInfo ParametersOf(LateFilter* filter, Relation relation, const LateChange& change) {
  const Scope& scope = filter->scope;
  RowsOfChange rows = RebuildRows(relation, scope.columns, change);
  ParamListInfo list = makeParamList(kParameters);
  bool has_old = rows.old_row != nullptr, has_new = rows.new_row != nullptr;
  HeapTupleHeader plain = has_new ? rows.new_row : rows.old_row;
  auto row = [](HeapTupleHeader tuple) {
    return tuple ? HeapTupleHeaderGetDatum(tuple) : Datum{0};
  };
  SetParameter(list, kOld, scope.row_type, row(rows.old_row), !has_old);
  SetParameter(list, kNew, scope.row_type, row(rows.new_row), !has_new);
  SetParameter(list, kPlain, scope.row_type, row(plain), plain == nullptr);
  auto text = [&](Parameter number, std::string_view value) {
    SetParameter(list, number, TEXTOID, TextDatum(value), false);
  };
  text(kAction, ActionName(change.action));
  text(kSchema, change.name.schema);
  text(kTable, change.name.table);
  return list;
}

bool EvaluateLateFilter(LateFilter* filter, Relation relation, const LateChange& change) {
  ParamListInfo parameters = ParametersOf(filter, relation, change);
  CachedPlan* plan = GetCachedPlan(filter->source, nullptr, CurrentResourceOwner, nullptr);
  PlannedStmt* statement = linitial_node(PlannedStmt, plan->stmt_list);
  QueryDesc* query = CreateQueryDesc(statement, filter->sql, GetActiveSnapshot(), InvalidSnapshot,
                                     None_Receiver, parameters, nullptr, 0);
  ExecutorStart(query, 0);
  ExecutorRun(query, ForwardScanDirection, 1, true);
  bool match = query->estate->es_processed > 0;
  ExecutorFinish(query);
  ExecutorEnd(query);
  FreeQueryDesc(query);
  ReleaseCachedPlan(plan, CurrentResourceOwner);
  return match;
}

}  // namespace sequin
