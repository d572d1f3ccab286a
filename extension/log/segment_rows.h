// The rows of one log segment in the order of their positions, from any of them on.
#pragma once

#include "pg/index_probe.h"

namespace sequin {

class SegmentRows {
 public:
  void Open(Relation log);
  void Close();

  // Next goes on with the first row at or after `seq`, or with a few before it.
  void Seek(int64 seq);
  void SeekBeginning() { Seek(PG_INT64_MIN); }
  // The next row that is committed, valid until the next call; nullptr: there is none yet.
  TupleTableSlot* Next();

  // Somebody has rewritten the table (VACUUM FULL), which may begin in its middle: what is not
  // found may be elsewhere.
  bool MayBeShuffled() const { return log_->rd_rel->relfilenode != RelationGetRelid(log_); }

 private:
  ItemPointerData PlaceOf(int64 seq);

  Relation log_ = nullptr;
  MemoryContext context_ = nullptr;
  IndexProbe every_;   // of segments with an entry for every row; else
  IndexProbe places_;  // of others
  TableScanDesc scan_ = nullptr;
  TupleTableSlot* slot_ = nullptr;
};

}  // namespace sequin
