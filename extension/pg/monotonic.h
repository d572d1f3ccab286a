// A clock that nobody sets, for how long something lasts or is put off: the server's own may be put
// back by hours, and nothing may rest so long for that. The same in all processes of a server.
#pragma once

#include "pg/prelude.h"

namespace sequin {

inline int64 MonotonicMicros() {
  instr_time now;
  INSTR_TIME_SET_CURRENT(now);
  return static_cast<int64>(INSTR_TIME_GET_MICROSEC(now));
}

// 0 when the time has come.
inline long MillisecondsUntil(int64 monotonic_micros) {
  int64 left = monotonic_micros - MonotonicMicros();
  return left <= 0 ? 0 : static_cast<long>(Min((left + 999) / 1000, int64{PG_INT32_MAX}));
}

}  // namespace sequin
