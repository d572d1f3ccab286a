// What reading and running an expression depends on, fixed: the same text must mean the same in
// every session and in the worker that decodes.
#pragma once

#include "pg/prelude.h"

namespace sequin {

// Sets them with GUC_ACTION_SAVE: the caller opened a nest level, or is in a subtransaction that
// will be rolled back.
void FixFilterSettings();

// An ERROR leaves the settings to the (sub)transaction that it aborts.
template <typename Body>
void UnderFixedSettings(Body&& body) {
  int nest_level = NewGUCNestLevel();
  FixFilterSettings();
  body();
  AtEOXact_GUC(true, nest_level);
}

}  // namespace sequin
