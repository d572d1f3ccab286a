// The settings that the texts of values depend on, at the values that docs/types.md promises.
#pragma once

#include "pg/prelude.h"

namespace sequin {

// For the life of the process, above what databases, roles and the configuration say.
void FixValueSettings();

// Until AtEOXact_GUC(…, level); returns the level. An ERROR leaves it to the transaction's abort.
int BeginValueSettings();

// Runs `body` under them in a session whose own settings may be any.
template <typename Body>
void WithValueSettings(Body&& body) {
  int level = BeginValueSettings();
  body();
  AtEOXact_GUC(true, level);
}

}  // namespace sequin
