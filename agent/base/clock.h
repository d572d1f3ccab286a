// Time as the agent sees it. Production time is the event loop; tests own theirs and move it by
// hand.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace sequin {

using Millis = std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

// Rings once after Set. Setting again moves it, destroying it cancels it; both are allowed from
// inside its own callback.
class Alarm {
 public:
  virtual ~Alarm() = default;
  virtual void Set(Millis delay) = 0;
  virtual void Cancel() = 0;
  virtual bool armed() const = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime Now() const = 0;
  virtual WallTime WallNow() const = 0;
  virtual std::unique_ptr<Alarm> NewAlarm(std::function<void()> on_ring) = 0;
};

}  // namespace sequin
