// Changes to one of the queue's own tables, with its indexes, without an executor.
//
// All indexes of these tables are on plain columns; a partial one has the predicate that the
// caller knows. Indexes are read from the catalog, not known by name, so that REINDEX CONCURRENTLY
// finds its new index kept up to date.
#pragma once

#include "pg/prelude.h"

namespace sequin {

class TableWriter {
 public:
  static constexpr int kColumnsMax = 16;

  void Open(const char* name);
  void OpenForReading(const char* name);
  bool is_open() const { return table_ != nullptr; }
  Relation table() const { return table_; }

  // `in_partial`: the row satisfies the predicate of the table's partial index, if it has one.
  void Insert(Datum* values, bool* nulls, bool in_partial);
  // For rows that were inserted without, by a process that is the only writer: uniqueness is not
  // checked.
  void InsertIndexEntriesOf(TupleTableSlot* slot);
  void Update(const ItemPointerData& tid, Datum* values, bool* nulls, bool in_partial);
  void Delete(const ItemPointerData& tid);
  void Close();

 private:
  static constexpr int kIndexesMax = 8;

  void InsertIndexEntries(HeapTuple tuple, Datum* values, bool* nulls, bool in_partial);

  Relation table_ = nullptr;
  int index_count_ = 0;
  Relation indexes_[kIndexesMax];
  bool partial_[kIndexesMax];
  IndexInfo* info_ = nullptr;
};

// A tuple's place as a number, for code without server headers.
inline uint64 HandleOf(const ItemPointerData& tid) {
  return static_cast<uint64>(ItemPointerGetBlockNumber(&tid)) << 16 |
         ItemPointerGetOffsetNumber(&tid);
}
inline ItemPointerData TidOf(uint64 handle) {
  ItemPointerData tid;
  ItemPointerSet(&tid, static_cast<BlockNumber>(handle >> 16),
                 static_cast<OffsetNumber>(handle & 0xffff));
  return tid;
}

}  // namespace sequin
