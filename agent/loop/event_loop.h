// The one loop of the process, and the clock made of it. Nothing outside loop/ sees libuv.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"

struct uv_loop_s;

namespace sequin {

class EventLoop final : public Clock {
 public:
  EventLoop();
  // Closes what is still open; callbacks of interrupted writes are not called any more.
  ~EventLoop() override;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Returns when Stop was called or no handle is left.
  void Run();
  void Stop();

  SteadyTime Now() const override;
  WallTime WallNow() const override;
  std::unique_ptr<Alarm> NewAlarm(std::function<void()> on_ring) override;

  uv_loop_s* raw() { return raw_; }
  bool ending() const { return ending_; }

 private:
  uv_loop_s* raw_;
  bool ending_ = false;
};

// Raises the limit of open files to the hard limit: every connection is a file.
void RaiseFileLimit();

}  // namespace sequin
