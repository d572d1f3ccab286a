// Getting the slot that the log goes on with: the one there is, or a new one behind a gap.
#pragma once

#include "log/appender.h"

namespace sequin {

struct DatabaseState;

struct TakenSlot {
  bool behind_gap;  // `gap` was not captured and cannot be any more
  Gap gap;          // its transactions are not counted yet
  bool made;
  // Of all consumers at the end of the gap, when the slot was made.
  Vec<PresentDefinition> definitions;
};

// Acquires the slot of this database. `appender` has loaded the progress, nullptr: there is none
// yet. Waits, when the slot has to be made, for all transactions that are writing now.
TakenSlot TakeSlot(const char* name, Appender* appender, DatabaseState* state);

}  // namespace sequin
