// How long the capture worker lets commits gather. A turn of it has a cost of its own whatever it
// captures: it is woken by a signal, and writes the progress, a row of each route and a commit.
// Under many commits a second that was more than the changes' own, and the application paid for it.
#pragma once

#include "pg/prelude.h"

namespace sequin {

class Pace {
 public:
  // A turn has ended that decoded so many commits; `now` is monotonic.
  void Turn(int64 commits, int64 now) {
    auto elapsed = static_cast<double>(Max(now - turned_at_, int64{1}));
    double weight = Min(elapsed / kMemoryUs, 1.0);
    per_us_ += (static_cast<double>(commits) / elapsed - per_us_) * weight;
    turned_at_ = now;
  }

  // For how long to wait although nothing else is to be done; 0: a commit is seldom enough to be
  // captured at once.
  long NapMs() const { return per_us_ * kNapMs * 1000 >= kWorthwhile ? kNapMs : 0; }

 private:
  static constexpr long kNapMs = 2;
  static constexpr double kWorthwhile = 1.5;  // commits that are to be expected in a nap
  static constexpr double kMemoryUs = 20000;  // the rate is that of about so long

  int64 turned_at_;
  double per_us_;
};

}  // namespace sequin
