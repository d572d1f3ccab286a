// Retention: segments of the log that nobody needs any more are dropped whole.
#pragma once

#include "pg/prelude.h"

namespace sequin {

// Drops the oldest segment if every consumer is done with it and it is older than
// sequin.retention. Never waits for a lock: a segment in use is left for the next time. Called by
// the capture worker outside a transaction; returns whether there may be more to do at once: a
// segment was dropped, or a part of what streams hold of it was saved.
bool DropOldestSegment();

}  // namespace sequin
