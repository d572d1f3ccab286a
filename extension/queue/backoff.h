// How long a message that was not accepted rests before its next delivery.
#pragma once

#include <cstdint>

namespace sequin {

// 64 bits that differ from delivery to delivery, always the same for one: SplitMix64 of what an
// ack_id has.
inline uint64_t JitterOf(int64_t nonce, int32_t position) {
  uint64_t x =
      static_cast<uint64_t>(nonce) + (static_cast<uint64_t>(position) + 1) * 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

// The list's element of this attempt, the last one after its end, without jitter.
inline int64_t ListedDelay(const int64_t* delays, int32_t count, int32_t attempt) {
  return delays[attempt < count ? attempt - 1 : count - 1];
}

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
