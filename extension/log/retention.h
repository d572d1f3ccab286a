// Retention: segments of the log that nobody needs any more are dropped whole.
#pragma once

#include "pg/prelude.h"

namespace sequin {

// Drops the oldest segment if it is due (older than sequin.retention, or the log larger than
// sequin.retention_size) and nobody needs it:
//   - every consumer has been handed out all of it, or has passed its own limit (retain_time,
//     retain_bytes): then what it loses is declared in sequin.consumer_gap;
//   - rows that parked or unsettled messages or streams still need are few enough to be moved to
//     sequin.log_kept;
//   - no backfill or replay needs it to tell what it must not send. `passed`: everything that
//     committed before is in the log.
// Never waits for a lock: a segment in use is left for the next time. Called by the capture worker
// outside a transaction; returns whether there may be more to do at once: a segment was dropped, or
// a part of what streams hold of it was saved.
bool DropOldestSegment(XLogRecPtr passed);

// Deletes rows of sequin.log_kept that nothing refers to any more.
void DeleteKeptRows();

}  // namespace sequin
