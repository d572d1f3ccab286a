// Sequin's own tables without a plan: ordered primary key scans and single row changes.
//
// The hot paths (claim, settle, append) use the table and index access methods directly: SPI costs
// ten times as much for one row. Rights are checked by the callers, once, at the API.
#pragma once

#include "pg/prelude.h"

namespace sequin {

// Opens sequin.<name>. ERROR 42P01 when it does not exist.
Relation OpenOwnTable(const char* name, LOCKMODE mode);
inline void CloseOwnTable(Relation relation, LOCKMODE mode = NoLock) {
  table_close(relation, mode);
}
Oid OwnSchema(bool missing_ok = false);
// ERROR 55000 when the tables are of another version than the library (version.h).
Oid OwnTableOid(const char* name, bool missing_ok = false);

// The unique index of this one column, which names rows otherwise than the primary key does.
// ERROR XX000 when somebody dropped it.
Oid UniqueIndexOn(Relation table, AttrNumber column);

// A scan key on a column of the heap (not of the index).
ScanKeyData KeyInt4(AttrNumber column, StrategyNumber strategy, int32 value);
ScanKeyData KeyInt8(AttrNumber column, StrategyNumber strategy, int64 value);

enum class Direction { kForward, kBackward };

// Visits the rows that match `keys` in the order of the index until `visit(tuple)` returns false.
// The tuple is valid during the visit only. The snapshot must be registered, active or non-MVCC.
template <typename Visit>
void ScanOrdered(Relation table, Oid index, Snapshot snapshot, std::span<ScanKeyData> keys,
                 Direction direction, Visit&& visit) {
  Relation index_relation = index_open(index, AccessShareLock);
  SysScanDesc scan = systable_beginscan_ordered(table, index_relation, snapshot,
                                                static_cast<int>(keys.size()), keys.data());
  ScanDirection way =
      direction == Direction::kForward ? ForwardScanDirection : BackwardScanDirection;
  for (HeapTuple tuple; (tuple = systable_getnext_ordered(scan, way)) != nullptr;) {
    if (!visit(tuple)) break;
  }
  systable_endscan_ordered(scan);
  index_close(index_relation, AccessShareLock);
}

template <typename Visit>
void ScanPrimaryKey(Relation table, Snapshot snapshot, std::span<ScanKeyData> keys,
                    Direction direction, Visit&& visit) {
  ScanOrdered(table, RelationGetPrimaryKeyIndex(table), snapshot, keys, direction,
              static_cast<Visit&&>(visit));
}

// A row kept in memory to be replaced without a search for it. Only VACUUM FULL, CLUSTER and their
// like move a row that nobody else writes to: they give its table another file.
struct KeptRow {
  HeapTuple tuple = nullptr;  // as it is stored, with its place
  Oid file = InvalidOid;

  // `tuple`: of the table, or what will be inserted into it or written over the row.
  void Keep(Relation table, HeapTuple copy) {
    tuple = copy;
    file = table->rd_rel->relfilenode;
  }
  // Where the row is now; `keys` find it. The table is locked.
  ItemPointer Place(Relation table, std::span<ScanKeyData> keys);
};

// A snapshot of this very moment, under every isolation level, registered with the current
// resource owner.
Snapshot TakeSnapshot();
inline void ReleaseSnapshot(Snapshot snapshot) {
  UnregisterSnapshot(snapshot);
}

Datum ColumnOf(Relation table, HeapTuple tuple, AttrNumber column, bool* is_null);
std::string_view TextView(Datum text_datum);  // detoasts; lives in the current context
Datum TextDatum(std::string_view text);
Datum ByteaDatum(std::string_view bytes);

}  // namespace sequin
