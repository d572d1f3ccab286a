// The indexes of a log segment. It has no entry for every row: rows stand in the order of their
// positions, so that one entry in kPlaceRows leads close enough, and an entry less is a tenth less
// WAL. People's conditions on seq are looked up in the ranges.
#pragma once

#include "pg/prelude.h"

namespace sequin {

// As the index of sequin.log_0 has it: WHERE seq % 16 = 0.
inline constexpr int64 kPlaceRows = 16;

struct LogIndexes {
  Oid every;   // every row: segments that version 0.1.0 began
  Oid places;  // one in kPlaceRows
  Oid ranges;  // brin
};
LogIndexes LogIndexesOf(Relation log);

// Enters rows that were just appended: `seqs` ascending, each with its slot.
void EnterLogRows(Relation log, std::span<TupleTableSlot*> rows, std::span<const int64> seqs);

// Describes the ranges that have become full since the last call; `described` is how many there
// were then. Returns how many there are.
BlockNumber DescribeLogRanges(Relation log, BlockNumber described);

// How many ranges a segment begins with that are full already.
BlockNumber FullLogRanges(Relation log);

}  // namespace sequin
