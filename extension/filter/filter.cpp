// Filters: checked for a declaration, compiled and evaluated while decoding (filter.h).
#include "filter/filter.h"

#include "catalog/captured_table.h"
#include "catalog/replica_identity.h"
#include "filter/expression.h"
#include "filter/late_filter.h"
#include "filter/sandbox.h"
#include "pg/memory.h"
#include "pg/transaction.h"

namespace sequin {

// ---- checking ----------------------------------------------------------------------------------

// `which` is how the filter calls the value: `old.` or nothing.
static void RequireIdentity(Relation relation, const Bitmapset* columns, const char* which,
                            const char* otherwise) {
  IdentityGap gap;
  if (!FindIdentityGap(relation, columns, &gap)) return;
  ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
          errmsg("the filter uses %s%s, but table %s does not log its old value", which,
                 quote_identifier(gap.column), gap.table),
          errdetail("The replica identity of the table has: %s.", DescribeIdentity(gap.relation)),
          errhint("Run ALTER TABLE %s REPLICA IDENTITY FULL, %s.", gap.table, otherwise));
}

// A declaration is somebody's statement: patience is theirs.
static constexpr SandboxLimits kCheckLimits = {10000, 5000};

// In the present catalog, with the rights that it will have.
static FilterReport CheckLate(Relation relation, const PublishedName& name, const char* sql,
                              Oid owner, const char* reason, FilterColumns* columns) {
  SandboxResult result =
      InSandbox(owner, kCheckLimits, [&] { *columns = CheckLateFilter(relation, name, sql); });
  if (result.error != nullptr) ReThrowError(result.error);
  return {FilterTier::kClaim, reason};
}

static FilterReport CheckText(Relation relation, Oid published, const char* sql, Oid owner,
                              FilterColumns* columns) {
  FilterExpression expression{};
  ErrorData* refusal =
      InSubtransaction([&] { expression = ParseFilterExpression(relation, published, sql); });
  if (refusal == nullptr) {
    *columns = {expression.old_columns, expression.new_columns, expression.plain_columns};
    return {FilterTier::kDecode, nullptr};
  }
  // Whatever is wrong with the text is so in both tiers.
  if (refusal->sqlerrcode != ERRCODE_FEATURE_NOT_SUPPORTED) ReThrowError(refusal);
  const char* reason =
      refusal->detail ? psprintf("%s: %s", refusal->message, refusal->detail) : refusal->message;
  return CheckLate(relation, NameAsPublished(relation, published), sql, owner, reason, columns);
}

// A filter must not tell its owner what is in columns that they may not read.
static void RequireReadable(Relation relation, const FilterColumns& columns, Oid owner) {
  Oid table = RelationGetRelid(relation);
  if (OwnerMayReadAll(table, owner)) return;
  TupleDesc descriptor = RelationGetDescr(relation);
  Bitmapset* used = bms_union(bms_union(columns.old_row, columns.new_row), columns.plain_row);
  bool whole = bms_is_member(-FirstLowInvalidHeapAttributeNumber, used);
  for (int i = 0; i < descriptor->natts; i++) {
    Form_pg_attribute column = TupleDescAttr(descriptor, i);
    if (column->attisdropped || OwnerMayRead(table, column->attnum, owner)) continue;
    if (!whole && !bms_is_member(column->attnum - FirstLowInvalidHeapAttributeNumber, used))
      continue;
    ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
            errmsg("role \"%s\" may not read column %s of table %s, which the filter uses",
                   GetUserNameFromId(owner, false), quote_identifier(NameStr(column->attname)),
                   QualifiedName(table)));
  }
}

FilterReport CheckFilter(Relation relation, Oid published, const char* sql, uint32 actions,
                         Oid owner) {
  FilterColumns columns;
  FilterReport report = CheckText(relation, published, sql, owner, &columns);
  RequireReadable(relation, columns, owner);
  if (actions & (kUpdate | kDelete)) {
    RequireIdentity(relation, columns.old_row, "old.",
                    "or leave 'update' and 'delete' out of the actions");
  }
  if (actions & kDelete) {
    RequireIdentity(relation, columns.plain_row, "",
                    "or write new.column, or leave 'delete' out of the actions");
  }
  return report;
}

void CheckFilterTransition(Relation relation, Oid published, const char* sql) {
  FilterColumns columns;
  FilterReport report = CheckText(relation, published, sql, GetUserId(), &columns);
  if (report.tier == FilterTier::kClaim) {
    ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
            errmsg("filter_transition => insert_delete needs a filter that decoding can evaluate"),
            errdetail_internal("%s", report.reason),
            errhint("sequin.explain_filter says where a filter is evaluated."));
  }
  RequireIdentity(relation, bms_union(columns.new_row, columns.plain_row), "",
                  "or leave filter_transition out");
}

void CheckFilterSyntax(const char* sql) {
  CheckExpressionSyntax(sql);
}

// ---- compiling ---------------------------------------------------------------------------------

struct CompiledFilter {
  ExprState* state;
  FilterShape shape;
  Bitmapset* row_columns;  // that it looks at in the new row, or in the plain one
  Bitmapset* old_columns;
  Bitmapset* plain_columns;
  Bitmapset* all_columns;
  // Columns of the new row that an UPDATE may leave out of the WAL, because they are stored out of
  // line and did not change.
  const AttrNumber* toastable;
  int toastable_count;
};

static const AttrNumber* ToastableColumns(TupleDesc descriptor, const FilterExpression& expression,
                                          MemoryContext context, int* count) {
  Bitmapset* used = bms_union(expression.new_columns, expression.plain_columns);
  bool all = bms_is_member(-FirstLowInvalidHeapAttributeNumber, used);
  auto* columns = NewArray<AttrNumber>(context, static_cast<size_t>(descriptor->natts));
  *count = 0;
  for (int i = 0; i < descriptor->natts; i++) {
    Form_pg_attribute column = TupleDescAttr(descriptor, i);
    if (column->attisdropped || column->attlen != -1) continue;
    if (all || bms_is_member(column->attnum - FirstLowInvalidHeapAttributeNumber, used)) {
      columns[(*count)++] = column->attnum;
    }
  }
  return columns;
}

// The executor knows rows by where they are: the old one is the inner, the new one the outer, and
// the plain one the scanned tuple of a plan node.
static Expr* PlaceRows(Expr* tree) {
  auto* node = reinterpret_cast<Node*>(tree);
  ChangeVarNodes(node, kOldRow, INNER_VAR, 0);
  ChangeVarNodes(node, kNewRow, OUTER_VAR, 0);
  ChangeVarNodes(node, kPlainRow, 1, 0);
  return tree;
}

CompiledFilter* CompileFilter(Relation relation, Oid published, const char* sql,
                              MemoryContext context) {
  // What parsing leaves behind can be large.
  MemoryContext scratch = NewContext(CurTransactionContext, "sequin filter parse");
  FilterExpression expression =
      InContext(scratch, [&] { return ParseFilterExpression(relation, published, sql); });
  CompiledFilter* compiled = InContext(NewContext(context, "sequin filter"), [&] {
    CompiledFilter* filter = New<CompiledFilter>(CurrentMemoryContext);
    auto* tree = static_cast<Expr*>(copyObjectImpl(expression.tree));
    filter->shape = ShapeOf(reinterpret_cast<Node*>(tree));
    filter->state = ExecInitExpr(PlaceRows(tree), nullptr);
    filter->row_columns = bms_union(expression.new_columns, expression.plain_columns);
    filter->old_columns = bms_copy(expression.old_columns);
    filter->plain_columns = bms_copy(expression.plain_columns);
    filter->all_columns = bms_union(filter->row_columns, expression.old_columns);
    filter->toastable = ToastableColumns(RelationGetDescr(relation), expression,
                                         CurrentMemoryContext, &filter->toastable_count);
    return filter;
  });
  MemoryContextDelete(scratch);
  return compiled;
}

const FilterShape& ShapeOf(const CompiledFilter* filter) {
  return filter->shape;
}

bool FilterKnowsOldRow(Relation relation, const CompiledFilter* filter) {
  return LogsOldValues(relation, filter->row_columns);
}

uint32 UnloggedActions(Relation relation, const CompiledFilter* filter) {
  if (!LogsOldValues(relation, filter->old_columns)) return kUpdate | kDelete;
  return LogsOldValues(relation, filter->plain_columns) ? 0u : kDelete;
}

bool FilterLooksAt(Relation relation, const CompiledFilter* filter,
                   bool (*readable)(AttrNumber column, void* argument), void* argument) {
  TupleDesc descriptor = RelationGetDescr(relation);
  bool whole = bms_is_member(-FirstLowInvalidHeapAttributeNumber, filter->all_columns);
  for (int i = 0; i < descriptor->natts; i++) {
    if (TupleDescAttr(descriptor, i)->attisdropped) continue;
    AttrNumber column = static_cast<AttrNumber>(i + 1);
    bool used =
        whole || bms_is_member(column - FirstLowInvalidHeapAttributeNumber, filter->all_columns);
    if (used && !readable(column, argument)) return true;
  }
  return false;
}

// ---- evaluating --------------------------------------------------------------------------------

struct FilterRows {
  ExprContext* expressions;
  TupleTableSlot* old_row;
  TupleTableSlot* new_row;
  bool stored_elsewhere;                        // values of the new row
  Datum insert_text, update_text, delete_text;  // `action`
};

FilterRows* NewFilterRows(TupleDesc descriptor, MemoryContext context) {
  return InContext(context, [&] {
    auto* rows = New<FilterRows>(context);
    rows->expressions = CreateStandaloneExprContext();
    rows->expressions->ecxt_param_list_info = makeParamList(kActionParameter);
    rows->old_row = MakeSingleTupleTableSlot(descriptor, &TTSOpsHeapTuple);
    rows->new_row = MakeSingleTupleTableSlot(descriptor, &TTSOpsHeapTuple);
    rows->insert_text = CStringGetTextDatum("insert");
    rows->update_text = CStringGetTextDatum("update");
    rows->delete_text = CStringGetTextDatum("delete");
    return rows;
  });
}

static void StoreRow(TupleTableSlot* row, HeapTuple tuple) {
  if (tuple == nullptr) {
    ExecStoreAllNullTuple(row);
  } else {
    ExecStoreHeapTuple(tuple, row, false);
  }
}

void SetFilterRows(FilterRows* rows, HeapTuple old_tuple, HeapTuple new_tuple) {
  ExprContext* expressions = rows->expressions;
  ResetExprContext(expressions);
  StoreRow(rows->old_row, old_tuple);
  StoreRow(rows->new_row, new_tuple);
  rows->stored_elsewhere = new_tuple != nullptr && HeapTupleHasExternal(new_tuple);
  expressions->ecxt_innertuple = rows->old_row;
  expressions->ecxt_outertuple = rows->new_row;
  expressions->ecxt_scantuple = new_tuple != nullptr ? rows->new_row : rows->old_row;
  ParamExternData& action = expressions->ecxt_param_list_info->params[kActionParameter - 1];
  action.value = new_tuple == nullptr   ? rows->delete_text
                 : old_tuple == nullptr ? rows->insert_text
                                        : rows->update_text;
  action.ptype = TEXTOID;
  action.pflags = PARAM_FLAG_CONST;
  action.isnull = false;
}

// The value is in the table's TOAST relation, which may have forgotten it by now.
static void RequireLoggedValues(const CompiledFilter* filter, TupleTableSlot* row) {
  for (int i = 0; i < filter->toastable_count; i++) {
    AttrNumber column = filter->toastable[i];
    bool is_null;
    Datum value = slot_getattr(row, column, &is_null);
    if (is_null || !VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(value))) continue;
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("the filter uses column \"%s\", whose value was not logged",
                   NameStr(TupleDescAttr(row->tts_tupleDescriptor, column - 1)->attname)));
  }
}

bool EvaluateFilter(CompiledFilter* filter, FilterRows* rows) {
  if (rows->stored_elsewhere) RequireLoggedValues(filter, rows->new_row);
  bool is_null;
  Datum result = ExecEvalExprSwitchContext(filter->state, rows->expressions, &is_null);
  return !is_null && DatumGetBool(result);
}

}  // namespace sequin
