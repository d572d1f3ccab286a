// The slot of this database and the WAL behind it: creating, reading without waiting, confirming.
#pragma once

#include "pg/prelude.h"

namespace sequin {

// Creates the slot and waits until it is consistent: until every transaction that was running at
// that moment has ended. Returns the position from which on everything is decoded.
XLogRecPtr CreateSlot(const char* name);

bool SlotExists(const char* name);

// Takes the slot for this process; another one that is just leaving it is waited for.
void AcquireSlot(const char* name);

// A decoding context for the acquired slot that hands out transactions which end after `start`.
LogicalDecodingContext* OpenDecoding(XLogRecPtr start);

// Reads and decodes the next WAL record; false at the end of the flushed WAL.
bool DecodeRecord(LogicalDecodingContext* context);

}  // namespace sequin
