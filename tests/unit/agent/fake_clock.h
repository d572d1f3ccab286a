// A clock that stands still until the test moves it.
#pragma once

#include <map>
#include <set>

#include "base/clock.h"

namespace sequin {

class FakeClock final : public Clock {
 public:
  SteadyTime Now() const override { return now_; }
  WallTime WallNow() const override { return wall_; }
  std::unique_ptr<Alarm> NewAlarm(std::function<void()> on_ring) override {
    return std::make_unique<FakeAlarm>(*this, std::move(on_ring));
  }

  // Rings every alarm on the way, in the order of their times.
  void Advance(Millis by) {
    const SteadyTime end = now_ + by;
    while (!armed_.empty() && armed_.begin()->first <= end) {
      const auto [when, alarm] = *armed_.begin();
      armed_.erase(armed_.begin());
      now_ = std::max(now_, when);
      alarm->Ring();
    }
    now_ = end;
    wall_ += by;
  }

  void SetWall(long long unix_seconds) {
    wall_ = std::chrono::system_clock::from_time_t(static_cast<time_t>(unix_seconds));
  }

 private:
  class FakeAlarm final : public Alarm {
   public:
    FakeAlarm(FakeClock& clock, std::function<void()> on_ring)
        : clock_(clock), on_ring_(std::make_shared<std::function<void()>>(std::move(on_ring))) {}
    ~FakeAlarm() override { Cancel(); }
    void Set(Millis delay) override {
      Cancel();
      when_ = clock_.now_ + delay;
      clock_.armed_.emplace(when_, this);
    }
    void Cancel() override {
      auto [first, last] = clock_.armed_.equal_range(when_);
      for (; first != last; ++first) {
        if (first->second == this) {
          clock_.armed_.erase(first);
          return;
        }
      }
    }
    bool armed() const override {
      auto [first, last] = clock_.armed_.equal_range(when_);
      for (; first != last; ++first) {
        if (first->second == this) return true;
      }
      return false;
    }
    void Ring() {
      const auto on_ring = on_ring_;
      (*on_ring)();
    }

   private:
    FakeClock& clock_;
    std::shared_ptr<std::function<void()>> on_ring_;
    SteadyTime when_{};
  };

  SteadyTime now_{std::chrono::hours(1)};
  WallTime wall_ = std::chrono::system_clock::from_time_t(1700000000);
  std::multimap<SteadyTime, FakeAlarm*> armed_;
};

}  // namespace sequin
