// JSON of the log → rows (late_rows.h), as json_populate_record reads it.
#include "filter/late_rows.h"

#include "catalog/replica_identity.h"
#include "change/json_fields.h"
#include "pg/table.h"

namespace sequin {
namespace {

constexpr int kWholeRow = -FirstLowInvalidHeapAttributeNumber;

bool Uses(const Bitmapset* columns, AttrNumber number) {
  return bms_is_member(number - FirstLowInvalidHeapAttributeNumber, columns);
}

// ---- what a change has -------------------------------------------------------------------------

bool InList(const LateChange& change, const char* list, const char* column) {
  if (change.meta.find(list) == std::string_view::npos) return false;
  // The members of metadata stand behind a comma.
  StringInfoData object;
  initStringInfo(&object);
  appendStringInfoChar(&object, '{');
  appendBinaryStringInfo(&object, change.meta.data() + 1, static_cast<int>(change.meta.size() - 1));
  appendStringInfoChar(&object, '}');
  std::string_view names = JsonMember({object.data, static_cast<size_t>(object.len)}, list);
  for (size_t at = 1; at < names.size() && names[at] == '"';) {
    size_t end = json::SkipString(names, at);
    if (end == std::string_view::npos) return false;
    if (json::Spells(names.substr(at, end - at), column)) return true;
    at = json::SkipSpace(names, end);
    if (at >= names.size() || names[at] != ',') return false;
    at = json::SkipSpace(names, at + 1);
  }
  return false;
}

[[noreturn]] void RaiseMissing(const LateChange& change, const char* column) {
  if (InList(change, "unchanged_columns", column)) {
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("the filter uses column \"%s\", whose value was not logged because the update "
                   "did not change it",
                   column),
            errhint("REPLICA IDENTITY FULL makes the table log large values with every update."));
  }
  bool omitted = InList(change, "omitted_columns", column);
  bool hex = InList(change, "hex_columns", column);
  ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
          omitted ? errmsg("the filter uses column \"%s\", whose value was not kept", column)
          : hex   ? errmsg("the filter uses column \"%s\", whose value is not valid text", column)
                : errmsg("the filter uses column \"%s\", which the change does not have", column));
  pg_unreachable();
}

// Of a whole row the columns that are younger than the change are null, as in rows of that time.
void RequireValues(TupleDesc descriptor, const Bitmapset* columns, const LateChange& change) {
  bool all = bms_is_member(kWholeRow, columns);
  for (int i = 0; i < descriptor->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
    bool named = Uses(columns, attribute->attnum);
    if (attribute->attisdropped || (!all && !named)) continue;
    const char* name = NameStr(attribute->attname);
    bool there = !JsonMember(change.record, name).empty();
    if (there ? InList(change, "hex_columns", name)
              : named || InList(change, "unchanged_columns", name) ||
                    InList(change, "omitted_columns", name)) {
      RaiseMissing(change, name);
    }
  }
}

// ---- rows --------------------------------------------------------------------------------------

// `base`: values of columns that the text does not have; nullptr: null.
HeapTupleHeader RowOf(Oid row_type, std::string_view text, HeapTupleHeader base) {
  FmgrInfo function;
  fmgr_info(F_JSON_POPULATE_RECORD, &function);
  List* arguments =
      list_make3(makeNullConst(row_type, -1, InvalidOid), makeNullConst(JSONOID, -1, InvalidOid),
                 makeNullConst(BOOLOID, -1, InvalidOid));
  fmgr_info_set_expr(
      reinterpret_cast<Node*>(makeFuncExpr(F_JSON_POPULATE_RECORD, row_type, arguments, InvalidOid,
                                           InvalidOid, COERCE_EXPLICIT_CALL)),
      &function);
  LOCAL_FCINFO(call, 3);
  InitFunctionCallInfoData(*call, &function, 3, InvalidOid, nullptr, nullptr);
  call->args[0].value = base ? HeapTupleHeaderGetDatum(base) : Datum{0};
  call->args[0].isnull = base == nullptr;
  call->args[1].value = TextDatum(text);
  call->args[1].isnull = false;
  call->args[2].value = BoolGetDatum(false);
  call->args[2].isnull = false;
  return DatumGetHeapTupleHeader(FunctionCallInvoke(call));
}

// The null of a json or jsonb column is in the text like that of SQL: a list in metadata names it.
HeapTupleHeader WithJsonNulls(TupleDesc descriptor, const LateChange& change, const char* list,
                              HeapTupleHeader row) {
  if (change.meta.find(list) == std::string_view::npos) return row;
  HeapTupleData tuple{};
  tuple.t_len = HeapTupleHeaderGetDatumLength(row);
  tuple.t_data = row;
  auto count = static_cast<size_t>(descriptor->natts);
  auto* values = static_cast<Datum*>(palloc(sizeof(Datum) * (count + 1)));
  auto* nulls = static_cast<bool*>(palloc(count + 1));
  heap_deform_tuple(&tuple, descriptor, values, nulls);
  for (int i = 0; i < descriptor->natts; i++) {
    Form_pg_attribute column = TupleDescAttr(descriptor, i);
    if (column->attisdropped || !InList(change, list, NameStr(column->attname))) continue;
    Oid input, io_parameter;
    getTypeInputInfo(column->atttypid, &input, &io_parameter);
    char text[] = "null";
    values[i] = OidInputFunctionCall(input, text, io_parameter, column->atttypmod);
    nulls[i] = false;
  }
  HeapTuple formed = heap_form_tuple(descriptor, values, nulls);
  return DatumGetHeapTupleHeader(heap_copy_tuple_as_datum(formed, descriptor));
}

HeapTupleHeader RowOfRecord(Relation relation, const LateChange& change) {
  HeapTupleHeader row = RowOf(relation->rd_rel->reltype, change.record, nullptr);
  return WithJsonNulls(RelationGetDescr(relation), change, "json_null_columns", row);
}

// The new row's values of the columns whose old ones are logged: where they did not change.
HeapTupleHeader IdentityOf(Relation relation, HeapTupleHeader row) {
  TupleDesc descriptor = RelationGetDescr(relation);
  HeapTupleData tuple{};
  tuple.t_len = HeapTupleHeaderGetDatumLength(row);
  tuple.t_data = row;
  auto count = static_cast<size_t>(descriptor->natts);
  auto* values = static_cast<Datum*>(palloc(sizeof(Datum) * (count + 1)));
  auto* nulls = static_cast<bool*>(palloc(count + 1));
  heap_deform_tuple(&tuple, descriptor, values, nulls);
  for (int i = 0; i < descriptor->natts; i++) {
    IdentityGap gap;
    Bitmapset* column = bms_make_singleton(i + 1 - FirstLowInvalidHeapAttributeNumber);
    bool dropped = TupleDescAttr(descriptor, i)->attisdropped;
    if (dropped || FindIdentityGap(relation, column, &gap)) nulls[i] = true;
  }
  HeapTuple masked = heap_form_tuple(descriptor, values, nulls);
  return DatumGetHeapTupleHeader(heap_copy_tuple_as_datum(masked, descriptor));
}

// Values of an old row that the replica identity does not have, or not any more, must not be taken
// for NULL or for those of the new row. `told`: the object that has those that are known.
void RequireIdentity(Relation relation, const Bitmapset* columns, std::string_view told) {
  IdentityGap gap;
  if (!FindIdentityGap(relation, columns, &gap)) return;
  TupleDesc descriptor = RelationGetDescr(relation);
  bool all = bms_is_member(kWholeRow, columns);
  for (int i = 0; i < descriptor->natts; i++) {
    Form_pg_attribute column = TupleDescAttr(descriptor, i);
    if (column->attisdropped || (!all && !Uses(columns, column->attnum))) continue;
    const char* name = NameStr(column->attname);
    if (!JsonMember(told, name).empty()) continue;
    Bitmapset* one = bms_make_singleton(column->attnum - FirstLowInvalidHeapAttributeNumber);
    if (!FindIdentityGap(relation, one, &gap)) continue;
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("the filter uses column \"%s\", whose old value was not logged", name),
            errhint("Run ALTER TABLE %s REPLICA IDENTITY FULL.", gap.table));
  }
}

// A previous value that is not told must not be taken for the present one.
void RequireOldValues(TupleDesc descriptor, const Bitmapset* columns, const LateChange& change) {
  if (change.meta.find("\"omitted_changes\"") == std::string_view::npos) return;
  bool all = bms_is_member(kWholeRow, columns);
  for (int i = 0; i < descriptor->natts; i++) {
    Form_pg_attribute column = TupleDescAttr(descriptor, i);
    if (column->attisdropped || (!all && !Uses(columns, column->attnum))) continue;
    if (!InList(change, "omitted_changes", NameStr(column->attname))) continue;
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("the filter uses column \"%s\", whose old value was too large to be kept",
                   NameStr(column->attname)));
  }
}

HeapTupleHeader OldRowOfUpdate(Relation relation, Oid row_type, const LateChange& change,
                               HeapTupleHeader new_row) {
  HeapTupleHeader base = IdentityOf(relation, new_row);
  if (change.changes.size() <= 2) return base;
  return WithJsonNulls(RelationGetDescr(relation), change, "json_null_changes",
                       RowOf(row_type, change.changes, base));
}

}  // namespace

RowsOfChange RebuildRows(Relation relation, const FilterColumns& columns,
                         const LateChange& change) {
  Oid row_type = relation->rd_rel->reltype;
  TupleDesc descriptor = RelationGetDescr(relation);
  RowsOfChange rows{};
  if (change.action == 'd') {
    Bitmapset* used = bms_union(columns.old_row, columns.plain_row);
    if (bms_is_empty(used)) return rows;
    RequireIdentity(relation, used, change.record);
    if (!bms_is_member(kWholeRow, used)) RequireValues(descriptor, used, change);
    rows.old_row = RowOfRecord(relation, change);
    return rows;
  }
  bool wants_old = change.action == 'u' && !bms_is_empty(columns.old_row);
  Bitmapset* used = bms_union(columns.new_row, columns.plain_row);
  if (bms_is_empty(used) && !wants_old) return rows;
  RequireValues(descriptor, used, change);
  rows.new_row = RowOfRecord(relation, change);
  if (wants_old) RequireIdentity(relation, columns.old_row, change.changes);
  if (wants_old) RequireOldValues(descriptor, columns.old_row, change);
  if (wants_old) rows.old_row = OldRowOfUpdate(relation, row_type, change, rows.new_row);
  return rows;
}

}  // namespace sequin
