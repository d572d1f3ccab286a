// Asking for backfills from within the extension.
#pragma once

#include "pg/prelude.h"

namespace sequin {

inline constexpr int32 kChunkRows = 2000;

// For a consumer that is being made: its tables are checked already.
void RequestInitialBackfill(int32 consumer, Oid table);

}  // namespace sequin
