// Exponential delay with jitter for our own retries against the database.
#pragma once

#include <algorithm>

#include "base/clock.h"

namespace sequin {

class Backoff {
 public:
  Backoff(Millis first, Millis most) : first_(first), most_(most), next_(first) {}

  // Between half and all of the current step, so that many agents do not come back in step.
  Millis Next() {
    const Millis step = next_;
    next_ = std::min(most_, next_ * 2);
    seed_ = seed_ * 1664525U + 1013904223U;
    const auto half = step.count() / 2;
    return Millis(half + (half > 0 ? static_cast<long>(seed_ >> 8) % half : 0));
  }
  void Reset() { next_ = first_; }

 private:
  Millis first_;
  Millis most_;
  Millis next_;
  unsigned seed_ =
      static_cast<unsigned>(std::chrono::steady_clock::now().time_since_epoch().count());
};

}  // namespace sequin
