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
void EnterLogRows(Relation log, const LogIndexes& indexes, std::span<TupleTableSlot*> rows,
                  std::span<const int64> seqs);

// Pages of a range; 0: the segment has no such index.
BlockNumber LogRangePages(const LogIndexes& indexes);

// Describes full ranges from `described` on, `most` of them; one that is described already costs a
// look. Returns how many are described now, as far as they can be.
BlockNumber DescribeLogRanges(Relation log, BlockNumber described, BlockNumber most);

}  // namespace sequin
