// Reading the rows of a segment (segment_rows.h).
#include "log/segment_rows.h"

#include "log/log_indexes.h"
#include "pg/memory.h"
#include "pg/table.h"

namespace sequin {

void SegmentRows::Open(Relation log) {
  log_ = log;
  context_ = CurrentMemoryContext;
  LogIndexes indexes = LogIndexesOf(log);
  if (OidIsValid(indexes.every)) return every_.Open(log, indexes.every, SnapshotSelf, 1);
  if (OidIsValid(indexes.places)) places_.Open(log, indexes.places, SnapshotSelf, 1);
  slot_ = table_slot_create(log, nullptr);
}

void SegmentRows::Close() {
  every_.Close();
  places_.Close();
  if (scan_ != nullptr) table_endscan(scan_);
  if (slot_ != nullptr) ExecDropSingleTupleTableSlot(slot_);
  scan_ = nullptr;
  slot_ = nullptr;
  log_ = nullptr;
}

// Of the last row with an entry at or before the position; the beginning, when there is none.
ItemPointerData SegmentRows::PlaceOf(int64 seq) {
  ItemPointerData place;
  ItemPointerSet(&place, 0, FirstOffsetNumber);
  if (!places_.is_open() || seq == PG_INT64_MIN) return place;
  ScanKeyData key = KeyInt8(1, BTLessEqualStrategyNumber, seq);
  places_.Seek({&key, 1});
  if (TupleTableSlot* found = places_.Next(BackwardScanDirection)) place = found->tts_tid;
  places_.Pause();
  return place;
}

void SegmentRows::Seek(int64 seq) {
  if (every_.is_open()) {
    ScanKeyData key = KeyInt8(1, BTGreaterEqualStrategyNumber, seq);
    return every_.Seek({&key, 1});
  }
  ItemPointerData first = PlaceOf(seq);
  ItemPointerData last;
  ItemPointerSet(&last, MaxBlockNumber, MaxOffsetNumber);
  ExecClearTuple(slot_);
  InContext(context_, [&] {
    if (scan_ == nullptr) {
      scan_ = table_beginscan_tidrange(log_, SnapshotSelf, &first, &last);
    } else {
      table_rescan_tidrange(scan_, &first, &last);
    }
  });
}

TupleTableSlot* SegmentRows::Next() {
  if (every_.is_open()) return every_.Next();
  bool found = InContext(context_, [&] {
    return table_scan_getnextslot_tidrange(scan_, ForwardScanDirection, slot_);
  });
  return found ? slot_ : nullptr;
}

}  // namespace sequin
