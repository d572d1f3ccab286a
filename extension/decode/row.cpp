// One row of a decoded change (row.h).
#include "decode/row.h"

#include "capture/settings.h"

namespace sequin {

static Row NewRow(int columns, MemoryContext context) {
  Row row{};
  auto count = static_cast<size_t>(columns);
  row.values = NewArray<Datum>(context, count);
  row.nulls = NewArray<bool>(context, count);
  row.absent = NewArray<bool>(context, count);
  return row;
}

static void FreeRow(Row* row) {
  if (row->values == nullptr) return;
  pfree(row->values);
  pfree(row->nulls);
  pfree(row->absent);
}

void ReserveRows(RowBuffers* buffers, int columns, MemoryContext context) {
  if (columns <= buffers->capacity) return;
  FreeRow(&buffers->before);
  FreeRow(&buffers->after);
  buffers->capacity = Max(columns, 32);
  buffers->before = NewRow(buffers->capacity, context);
  buffers->after = NewRow(buffers->capacity, context);
}

static bool IsExternalOnDisk(const ColumnPlan& column, TupleDesc descriptor, Datum value) {
  return TupleDescAttr(descriptor, column.number - 1)->attlen == -1 &&
         VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(value));
}

void LoadRow(Row* row, const RelationPlan* plan, HeapTuple tuple) {
  row->exists = tuple != nullptr;
  if (!row->exists) return;
  heap_deform_tuple(tuple, plan->descriptor, row->values, row->nulls);
  memset(row->absent, 0, sizeof(bool) * static_cast<size_t>(plan->descriptor->natts));
  if (!HeapTupleHasExternal(tuple)) return;
  for (int i = 0; i < plan->column_count; i++) {
    const ColumnPlan& column = plan->columns[i];
    int at = column.number - 1;
    if (!row->nulls[at] && IsExternalOnDisk(column, plan->descriptor, row->values[at])) {
      row->absent[at] = true;
    }
  }
}

void FillUnchanged(const RelationPlan* plan, Row* after, const Row& before) {
  if (!before.exists || !after->exists) return;
  for (int i = 0; i < plan->column_count; i++) {
    int at = plan->columns[i].number - 1;
    // A long key is stored out of line, too: the WAL then has it as the old one.
    if (!plan->columns[i].in_identity || !after->absent[at] || before.absent[at]) continue;
    after->values[at] = before.values[at];
    after->nulls[at] = before.nulls[at];
    after->absent[at] = false;
  }
}

static void AppendName(StringInfo list, const ColumnPlan& column) {
  if (list->len > 0) appendStringInfoCharMacro(list, ',');
  appendBinaryStringInfo(list, column.prefix, column.prefix_bytes - 1);
}

static bool TooLarge(const RelationPlan* plan, int at, Datum value) {
  if (TupleDescAttr(plan->descriptor, at)->attlen != -1) return false;
  // Short values are the rule: their size needs no look at a TOAST pointer.
  if (!VARATT_IS_EXTENDED(DatumGetPointer(value))) {
    return VARSIZE(DatumGetPointer(value)) > MaxValueBytes();
  }
  return toast_raw_datum_size(value) > MaxValueBytes();
}

void AppendRecord(StringInfo out, const RelationPlan* plan, const Row& row, bool identity_only,
                  StringInfo unchanged, StringInfo omitted) {
  appendStringInfoCharMacro(out, '{');
  bool first = true;
  for (int i = 0; i < plan->column_count; i++) {
    const ColumnPlan& column = plan->columns[i];
    int at = column.number - 1;
    if (identity_only && !column.in_identity) continue;
    if (row.absent[at]) {
      AppendName(unchanged, column);
      continue;
    }
    bool is_null = row.nulls[at];
    if (!is_null && TooLarge(plan, at, row.values[at])) {
      AppendName(omitted, column);
      continue;
    }
    if (!first) appendStringInfoCharMacro(out, ',');
    first = false;
    appendBinaryStringInfo(out, column.prefix, column.prefix_bytes);
    if (is_null) {
      appendBinaryStringInfo(out, "null", 4);
    } else {
      AppendValue(out, column.value, row.values[at]);
    }
  }
  appendStringInfoCharMacro(out, '}');
}

static bool SameValue(const RelationPlan* plan, int at, const Row& before, const Row& after) {
  if (before.nulls[at] || after.nulls[at]) return before.nulls[at] == after.nulls[at];
  Form_pg_attribute attribute = TupleDescAttr(plan->descriptor, at);
  return datum_image_eq(before.values[at], after.values[at], attribute->attbyval,
                        attribute->attlen);
}

void AppendChanges(StringInfo out, const RelationPlan* plan, const Row& before, const Row& after) {
  appendStringInfoCharMacro(out, '{');
  bool first = true;
  for (int i = 0; i < plan->column_count && before.exists; i++) {
    const ColumnPlan& column = plan->columns[i];
    int at = column.number - 1;
    if (!column.in_identity || before.absent[at] || after.absent[at]) continue;
    if (SameValue(plan, at, before, after)) continue;
    if (!before.nulls[at] && TooLarge(plan, at, before.values[at])) continue;
    if (!first) appendStringInfoCharMacro(out, ',');
    first = false;
    appendBinaryStringInfo(out, column.prefix, column.prefix_bytes);
    if (before.nulls[at]) {
      appendBinaryStringInfo(out, "null", 4);
    } else {
      AppendValue(out, column.value, before.values[at]);
    }
  }
  appendStringInfoCharMacro(out, '}');
}

void AppendKey(StringInfo out, const RelationPlan* plan, const Row& row, const int* columns,
               int count) {
  appendStringInfoCharMacro(out, '[');
  for (int i = 0; i < count; i++) {
    const ColumnPlan& column = plan->columns[columns[i]];
    int at = column.number - 1;
    if (i > 0) appendStringInfoCharMacro(out, ',');
    if (row.nulls[at] || row.absent[at]) {
      appendBinaryStringInfo(out, "null", 4);
      continue;
    }
    int start = out->len;
    AppendValue(out, column.value, row.values[at]);
    if (out->data[start] == '"') continue;
    std::string_view plain(pnstrdup(out->data + start, static_cast<Size>(out->len - start)),
                           static_cast<size_t>(out->len - start));
    out->len = start;
    AppendJsonString(out, plain);
  }
  appendStringInfoCharMacro(out, ']');
}

}  // namespace sequin
