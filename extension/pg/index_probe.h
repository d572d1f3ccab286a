// A kept index scan on an own table: positioned again and again without being set up anew.
//
// The ERROR of a caller leaves it to the resource owner.
#pragma once

#include "pg/prelude.h"

namespace sequin {

class IndexProbe {
 public:
  bool is_open() const { return scan_ != nullptr; }

  // `key_count` keys, on columns of the index, at every Seek.
  void Open(Relation table, Oid index, Snapshot snapshot, int key_count) {
    context_ = CurrentMemoryContext;
    index_ = index_open(index, AccessShareLock);
    slot_ = table_slot_create(table, nullptr);
    scan_ = index_beginscan(table, index_, snapshot, key_count, 0);
  }

  void Seek(std::span<ScanKeyData> keys) {
    MemoryContext before = MemoryContextSwitchTo(context_);
    index_rescan(scan_, keys.data(), static_cast<int>(keys.size()), nullptr, 0);
    MemoryContextSwitchTo(before);
  }

  // The next row, valid until the next call; nullptr at the end.
  TupleTableSlot* Next(ScanDirection direction = ForwardScanDirection) {
    // The access method may keep what it allocates now (btree: the list of dead entries) until the
    // scan ends, so it must not come from a context that the caller resets earlier.
    MemoryContext before = MemoryContextSwitchTo(context_);
    bool found = index_getnext_slot(scan_, direction, slot_);
    MemoryContextSwitchTo(before);
    if (!found) return nullptr;
    if (scan_->xs_recheck) elog(ERROR, "unexpected lossy index scan");
    return slot_;
  }

  // Lets go of the page it is on.
  void Pause() { ExecClearTuple(slot_); }

  void Close() {
    if (scan_ == nullptr) return;
    index_endscan(scan_);
    ExecDropSingleTupleTableSlot(slot_);
    index_close(index_, NoLock);
    scan_ = nullptr;
  }

 private:
  MemoryContext context_ = nullptr;
  Relation index_ = nullptr;
  IndexScanDesc scan_ = nullptr;
  TupleTableSlot* slot_ = nullptr;
};

inline Datum SlotColumn(TupleTableSlot* slot, AttrNumber column) {
  bool is_null;
  return slot_getattr(slot, column, &is_null);
}

}  // namespace sequin
