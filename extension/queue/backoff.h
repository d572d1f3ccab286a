// How long a message that was not accepted rests before its next delivery.
#pragma once

#include <cstdint>

namespace sequin {

// base * 2^(attempt - 1), at most `max`, then ±20 % so that messages that failed together do not
// return together. `attempt`: failed attempts so far, this one included; `random`: 64 random bits.
// All times in one unit.
inline int64_t BackoffDelay(int64_t base, int64_t max, int32_t attempt, uint64_t random) {
  int64_t delay = base;
  for (int32_t i = 1; i < attempt && delay < max; i++) {
    delay = delay > max / 2 ? max : delay * 2;
  }
  if (delay > max) delay = max;
  if (delay <= 0) return 0;
  double spread = 0.8 + 0.4 * (static_cast<double>(random >> 11) * 0x1p-53);
  return static_cast<int64_t>(static_cast<double>(delay) * spread);
}

}  // namespace sequin
