// The slot of this database and the WAL behind it: creating, reading without waiting, confirming.
#pragma once

#include "pg/prelude.h"

namespace sequin {

// Creates the slot and waits until it is consistent: until every transaction that was running at
// that moment has ended. Returns the position from which on everything is decoded. `look(argument)`
// has a snapshot that sees exactly what committed before it.
XLogRecPtr CreateSlot(const char* name, void (*look)(void*), void* argument);

template <typename Look>
XLogRecPtr CreateSlot(const char* name, Look&& look) {
  using Plain = std::remove_reference_t<Look>;
  return CreateSlot(
      name, [](void* arg) { (*static_cast<Plain*>(arg))(); }, &look);
}

// Releases and drops the slot that this process has.
void DropAcquiredSlot();

bool SlotExists(const char* name);

// Takes the slot for this process; another one that is just leaving it is waited for.
void AcquireSlot(const char* name);

// How many transactions of this database, but our own, committed in between; -1: the WAL is not
// there any more, or too much to be read now. In a transaction.
int64 CountCommits(XLogRecPtr from, XLogRecPtr to);

// The WAL behind the slot could not be read: it is gone, or damaged. What an ERROR was about.
bool WalReadingFailed();

// A decoding context for the acquired slot that hands out transactions which end after `start`.
LogicalDecodingContext* OpenDecoding(XLogRecPtr start);

// Reads and decodes the next WAL record; false at the end of the flushed WAL.
bool DecodeRecord(LogicalDecodingContext* context);

}  // namespace sequin
