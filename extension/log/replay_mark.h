// Copies that sequin.replay made of log rows: they stand where the replay was, and say in their
// metadata what they are copies of.
//
//   meta := …,"replay":{"id":"…","commit_lsn":n,"commit_idx":n,"commit_time":n,"incarnation":n}
#pragma once

#include "log/reader.h"

namespace sequin {

bool IsReplayed(const LogRow& row);

// The row with the place and time of its original, and replay_id instead of the mark; a row that
// is no copy as it is. In the current memory context.
LogRow OriginalOf(const LogRow& row);

}  // namespace sequin
