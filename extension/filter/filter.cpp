// Filters: checked for a declaration, compiled and evaluated while decoding (filter.h).
#include "filter/filter.h"

#include "catalog/replica_identity.h"
#include "filter/expression.h"
#include "pg/memory.h"

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

void CheckFilter(Relation relation, const char* sql, uint32 actions) {
  FilterExpression expression = ParseFilterExpression(relation, sql);
  if (actions & (kUpdate | kDelete)) {
    RequireIdentity(relation, expression.old_columns, "old.",
                    "or leave 'update' and 'delete' out of the actions");
  }
  if (actions & kDelete) {
    RequireIdentity(relation, expression.plain_columns, "",
                    "or write new.column, or leave 'delete' out of the actions");
  }
}

static Bitmapset* ColumnsOfEitherRow(const FilterExpression& expression) {
  return bms_union(expression.new_columns, expression.plain_columns);
}

void CheckFilterTransition(Relation relation, const char* sql) {
  RequireIdentity(relation, ColumnsOfEitherRow(ParseFilterExpression(relation, sql)), "",
                  "or leave filter_transition out");
}

bool FilterKnowsOldRow(Relation relation, const char* sql) {
  IdentityGap gap;
  return !FindIdentityGap(relation, ColumnsOfEitherRow(ParseFilterExpression(relation, sql)), &gap);
}

void CheckFilterSyntax(const char* sql) {
  CheckExpressionSyntax(sql);
}

// ---- compiling ---------------------------------------------------------------------------------

struct CompiledFilter {
  ExprState* state;
  ExprContext* expressions;
  TupleTableSlot* old_row;
  TupleTableSlot* new_row;
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

CompiledFilter* CompileFilter(Relation relation, const char* sql, MemoryContext context) {
  FilterExpression expression = ParseFilterExpression(relation, sql);
  return InContext(NewContext(context, "sequin filter"), [&] {
    // Our own copy: the relation's goes away with its cache entry.
    TupleDesc descriptor = CreateTupleDescCopyConstr(RelationGetDescr(relation));
    CompiledFilter* filter = New<CompiledFilter>(CurrentMemoryContext);
    filter->state =
        ExecInitExpr(PlaceRows(static_cast<Expr*>(copyObjectImpl(expression.tree))), nullptr);
    filter->expressions = CreateStandaloneExprContext();
    filter->old_row = MakeSingleTupleTableSlot(descriptor, &TTSOpsHeapTuple);
    filter->new_row = MakeSingleTupleTableSlot(descriptor, &TTSOpsHeapTuple);
    filter->toastable =
        ToastableColumns(descriptor, expression, CurrentMemoryContext, &filter->toastable_count);
    return filter;
  });
}

// ---- evaluating --------------------------------------------------------------------------------

static void StoreRow(TupleTableSlot* row, HeapTuple tuple) {
  if (tuple == nullptr) {
    ExecStoreAllNullTuple(row);
  } else {
    ExecStoreHeapTuple(tuple, row, false);
  }
}

// The value is in the table's TOAST relation, which may have forgotten it by now.
static void RequireLoggedValues(const CompiledFilter* filter) {
  for (int i = 0; i < filter->toastable_count; i++) {
    AttrNumber column = filter->toastable[i];
    bool is_null;
    Datum value = slot_getattr(filter->new_row, column, &is_null);
    if (is_null || !VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(value))) continue;
    TupleDesc descriptor = filter->new_row->tts_tupleDescriptor;
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("the filter uses column \"%s\", whose value was not logged because the update "
                   "did not change it",
                   NameStr(TupleDescAttr(descriptor, column - 1)->attname)),
            errhint("REPLICA IDENTITY FULL makes the table log large values with every update."));
  }
}

bool EvaluateFilter(CompiledFilter* filter, HeapTuple old_tuple, HeapTuple new_tuple) {
  ExprContext* expressions = filter->expressions;
  ResetExprContext(expressions);
  StoreRow(filter->old_row, old_tuple);
  StoreRow(filter->new_row, new_tuple);
  if (new_tuple != nullptr) RequireLoggedValues(filter);
  expressions->ecxt_innertuple = filter->old_row;
  expressions->ecxt_outertuple = filter->new_row;
  expressions->ecxt_scantuple = new_tuple != nullptr ? filter->new_row : filter->old_row;
  bool is_null;
  Datum result = ExecEvalExprSwitchContext(filter->state, expressions, &is_null);
  return !is_null && DatumGetBool(result);
}

}  // namespace sequin
