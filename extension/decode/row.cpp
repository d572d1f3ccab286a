// One row of a decoded change (row.h).
#include "decode/row.h"

#include "capture/settings.h"
#include "change/column_json.h"
#include "change/value_text.h"
#include "pg/planted_bug.h"

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
  if (!before.exists || !after->exists || Planted("full_toast_lost")) return;
  for (int i = 0; i < plan->column_count; i++) {
    int at = plan->columns[i].number - 1;
    // A long key is stored out of line, too: the WAL then has it as the old one.
    if (!plan->columns[i].in_identity || !after->absent[at] || before.absent[at]) continue;
    after->values[at] = before.values[at];
    after->nulls[at] = before.nulls[at];
    after->absent[at] = false;
  }
}

// ---- notes -------------------------------------------------------------------------------------

static void EachNote(RowNotes* notes, void (*visit)(StringInfo)) {
  visit(&notes->unchanged);
  for (ColumnNotes* part : {&notes->record, &notes->changes}) {
    for (StringInfo text : {&part->omitted, &part->reasons, &part->json_null, &part->hex}) {
      visit(text);
    }
  }
}

void InitNotes(RowNotes* notes) {
  EachNote(notes, initStringInfo);
}

void ClearNotes(RowNotes* notes) {
  EachNote(notes, resetStringInfo);
}

static void AppendList(StringInfo out, const char* name, const StringInfoData& list,
                       const char* brackets) {
  if (list.len == 0) return;
  appendStringInfo(out, ",\"%s\":%c", name, brackets[0]);
  appendBinaryStringInfo(out, list.data, list.len);
  appendStringInfoChar(out, brackets[1]);
}

void AppendNotes(StringInfo out, const RowNotes& notes) {
  if (!Planted("unchanged_unnamed")) {
    AppendList(out, "unchanged_columns", notes.unchanged, "[]");
  }
  AppendList(out, "omitted_columns", notes.record.omitted, "[]");
  AppendList(out, "omitted_reasons", notes.record.reasons, "{}");
  AppendList(out, "json_null_columns", notes.record.json_null, "[]");
  AppendList(out, "hex_columns", notes.record.hex, "[]");
  AppendList(out, "omitted_changes", notes.changes.omitted, "[]");
  AppendList(out, "omitted_changes_reasons", notes.changes.reasons, "{}");
  AppendList(out, "json_null_changes", notes.changes.json_null, "[]");
  AppendList(out, "hex_changes", notes.changes.hex, "[]");
}

// ---- texts -------------------------------------------------------------------------------------

static void AppendName(StringInfo list, const ColumnPlan& column) {
  if (list->len > 0) appendStringInfoCharMacro(list, ',');
  appendBinaryStringInfo(list, column.prefix, column.prefix_bytes - 1);
}

static void Note(ColumnNotes* notes, const ColumnPlan& column, const ColumnResult& result) {
  switch (result.form) {
    case ColumnForm::kPlain:
      break;
    case ColumnForm::kJsonNull:
      AppendName(&notes->json_null, column);
      break;
    case ColumnForm::kHex:
      AppendName(&notes->hex, column);
      break;
    case ColumnForm::kOmitted:
      AppendName(&notes->omitted, column);
      AppendName(&notes->reasons, column);
      appendStringInfoCharMacro(&notes->reasons, ':');
      AppendJsonName(&notes->reasons, result.reason);
      break;
  }
}

// One member of an object that begins at `object`; none when the value is omitted.
static void AppendMember(StringInfo out, int object, const ColumnPlan& column, Datum value,
                         bool is_null, ColumnNotes* notes, size_t bytes_max) {
  int start = out->len;
  if (start > object) appendStringInfoCharMacro(out, ',');
  appendBinaryStringInfo(out, column.prefix, column.prefix_bytes);
  if (is_null) {
    appendBinaryStringInfo(out, "null", 4);
    return;
  }
  ColumnResult result = AppendColumn(out, column.value, value, MaxValueBytes(), bytes_max);
  if (result.form == ColumnForm::kPlain) return;
  if (result.form == ColumnForm::kOmitted) out->len = start;
  Note(notes, column, result);
}

void AppendRecord(StringInfo out, const RelationPlan* plan, const FormPlan& form, const Row& row,
                  bool identity_only, size_t bytes_max, RowNotes* notes) {
  appendStringInfoCharMacro(out, '{');
  int object = out->len;
  for (int i = 0; i < form.column_count; i++) {
    const ColumnPlan& column = form.columns[i];
    int at = column.number - 1;
    if (identity_only && !column.in_identity) continue;
    if (row.absent[at]) {
      AppendName(&notes->unchanged, column);
      continue;
    }
    AppendMember(out, object, column, row.values[at], row.nulls[at], &notes->record, bytes_max);
  }
  appendStringInfoCharMacro(out, '}');
}

static bool SameValue(const RelationPlan* plan, int at, const Row& before, const Row& after) {
  if (before.nulls[at] || after.nulls[at]) return before.nulls[at] == after.nulls[at];
  Form_pg_attribute attribute = TupleDescAttr(plan->descriptor, at);
  return datum_image_eq(before.values[at], after.values[at], attribute->attbyval,
                        attribute->attlen);
}

void AppendChanges(StringInfo out, const RelationPlan* plan, const FormPlan& form,
                   const Row& before, const Row& after, size_t bytes_max, RowNotes* notes) {
  appendStringInfoCharMacro(out, '{');
  int object = out->len;
  for (int i = 0; i < form.column_count && before.exists; i++) {
    const ColumnPlan& column = form.columns[i];
    int at = column.number - 1;
    if (!column.in_identity || before.absent[at] || after.absent[at]) continue;
    if (SameValue(plan, at, before, after)) continue;
    if (Planted("previous_value_lost") && out->len > object) break;
    AppendMember(out, object, column, before.values[at], before.nulls[at], &notes->changes,
                 bytes_max);
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
    // What cannot be written shares the group of NULL: rather too much order than too little.
    ColumnResult result =
        AppendColumn(out, column.value, row.values[at], MaxValueBytes(), kMessageBytesMax);
    if (result.form == ColumnForm::kOmitted) {
      appendBinaryStringInfo(out, "null", 4);
      continue;
    }
    if (out->data[start] == '"') continue;
    std::string_view plain(pnstrdup(out->data + start, static_cast<Size>(out->len - start)),
                           static_cast<size_t>(out->len - start));
    out->len = start;
    AppendJsonString(out, plain);
  }
  appendStringInfoCharMacro(out, ']');
}

// What cannot be written is shown as NULL, as its group is that of NULL.
void AppendGroup(StringInfo out, const FormPlan& form, const Row& row) {
  appendStringInfoCharMacro(out, '[');
  for (int i = 0; i < form.group_column_count; i++) {
    const ColumnPlan& column = form.group_values[i];
    if (i > 0) appendStringInfoCharMacro(out, ',');
    int at = column.number - 1;
    bool told = form.group_columns[i] >= 0 && !row.nulls[at] && !row.absent[at];
    if (told) {
      told =
          AppendColumn(out, column.value, row.values[at], MaxValueBytes(), kMessageBytesMax).form !=
          ColumnForm::kOmitted;
    }
    if (!told) appendBinaryStringInfo(out, "null", 4);
  }
  appendStringInfoCharMacro(out, ']');
}

bool HasValues(const RelationPlan* plan, const Row& row, const int* columns, int count) {
  if (!row.exists) return false;
  for (int i = 0; i < count; i++) {
    if (row.absent[plan->columns[columns[i]].number - 1]) return false;
  }
  return true;
}

}  // namespace sequin
