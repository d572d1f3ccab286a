// Tables suspension and filter_failure (suspension.h).
#include "queue/suspension.h"

#include "pg/table.h"
#include "queue/table_writer.h"

namespace sequin {
namespace {

// Visits the row of the consumer, if there is one.
template <typename Visit>
void WithRowOf(int32 consumer, const char* name, Visit&& visit) {
  Relation table = OpenOwnTable(name, AccessShareLock);
  ScanKeyData key = KeyInt4(1, BTEqualStrategyNumber, consumer);
  ScanPrimaryKey(table, SnapshotSelf, {&key, 1}, Direction::kForward, [&](HeapTuple tuple) {
    visit(table, tuple);
    return false;
  });
  CloseOwnTable(table, AccessShareLock);
}

}  // namespace

bool IsSuspended(int32 consumer) {
  bool found = false;
  WithRowOf(consumer, "suspension", [&](Relation, HeapTuple) { found = true; });
  return found;
}

void InsertSuspension(int32 consumer, const LogRow& row, const char* reason) {
  Datum values[] = {Int32GetDatum(consumer), TimestampTzGetDatum(GetCurrentTimestamp()),
                    LSNGetDatum(row.commit_lsn), Int64GetDatum(row.seq), TextDatum(reason)};
  bool nulls[std::size(values)] = {};
  TableWriter writer;
  writer.Open("suspension");
  writer.Insert(values, nulls, true);
  writer.Close();
}

int32 ReadFilterFailures(int32 consumer) {
  int32 in_a_row = 0;
  WithRowOf(consumer, "filter_failure", [&](Relation table, HeapTuple tuple) {
    bool is_null;
    in_a_row = DatumGetInt32(ColumnOf(table, tuple, 2, &is_null));
  });
  return in_a_row;
}

void WriteFilterFailures(int32 consumer, int32 in_a_row, const char* last_error) {
  ItemPointerData at;
  ItemPointerSetInvalid(&at);
  WithRowOf(consumer, "filter_failure", [&](Relation, HeapTuple tuple) { at = tuple->t_self; });
  Datum values[] = {Int32GetDatum(consumer), Int32GetDatum(in_a_row),
                    TimestampTzGetDatum(GetCurrentTimestamp()),
                    last_error ? TextDatum(last_error) : Datum{0}};
  bool nulls[std::size(values)] = {false, false, false, last_error == nullptr};
  TableWriter writer;
  writer.Open("filter_failure");
  if (ItemPointerIsValid(&at)) {
    writer.Update(at, values, nulls, true);
  } else {
    writer.Insert(values, nulls, true);
  }
  writer.Close();
}

}  // namespace sequin
