// Asking for backfills from within the extension.
#pragma once

#include "pg/prelude.h"

namespace sequin {

inline constexpr int32 kChunkRows = 2000;

// Of a whole table that the consumer is known to capture; rows that `filter` lets through, nullptr:
// all.
pg_uuid_t* RequestWholeBackfill(int32 consumer, Oid table, const char* filter);

}  // namespace sequin
