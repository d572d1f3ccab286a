// See event_loop.h. A handle's memory is released in its close callback and nowhere else.
#include "loop/event_loop.h"

#include <sys/resource.h>
#include <uv.h>

#include <algorithm>

namespace sequin {

namespace {

struct TimerHandle {
  uv_timer_t uv;
  // Shared, so that a callback may destroy its own alarm while it runs.
  std::shared_ptr<std::function<void()>> on_ring;
};

void OnTimerClosed(uv_handle_t* handle) noexcept {
  delete static_cast<TimerHandle*>(handle->data);
}

void OnTimer(uv_timer_t* timer) noexcept {
  const auto on_ring = static_cast<TimerHandle*>(timer->data)->on_ring;
  (*on_ring)();
}

class LoopAlarm final : public Alarm {
 public:
  LoopAlarm(uv_loop_t* loop, std::function<void()> on_ring) : handle_(new TimerHandle) {
    handle_->on_ring = std::make_shared<std::function<void()>>(std::move(on_ring));
    uv_timer_init(loop, &handle_->uv);
    handle_->uv.data = handle_;
  }
  ~LoopAlarm() override { uv_close(reinterpret_cast<uv_handle_t*>(&handle_->uv), OnTimerClosed); }
  LoopAlarm(const LoopAlarm&) = delete;
  LoopAlarm& operator=(const LoopAlarm&) = delete;

  void Set(Millis delay) override {
    // uv counts from the loop's cached time, which is stale after a long callback.
    uv_update_time(handle_->uv.loop);
    const auto wait = static_cast<uint64_t>(std::max<long>(delay.count(), 0));
    uv_timer_start(&handle_->uv, OnTimer, wait, 0);
  }
  void Cancel() override { uv_timer_stop(&handle_->uv); }
  bool armed() const override {
    return uv_is_active(reinterpret_cast<const uv_handle_t*>(&handle_->uv)) != 0;
  }

 private:
  TimerHandle* handle_;
};

}  // namespace

EventLoop::EventLoop() : raw_(new uv_loop_t) {
  uv_loop_init(raw_);
  raw_->data = this;
}

EventLoop::~EventLoop() {
  ending_ = true;
  while (uv_loop_close(raw_) == UV_EBUSY) uv_run(raw_, UV_RUN_NOWAIT);
  delete raw_;
}

void EventLoop::Run() {
  uv_run(raw_, UV_RUN_DEFAULT);
}

void EventLoop::Stop() {
  uv_stop(raw_);
}

SteadyTime EventLoop::Now() const {
  return std::chrono::steady_clock::now();
}

WallTime EventLoop::WallNow() const {
  return std::chrono::system_clock::now();
}

std::unique_ptr<Alarm> EventLoop::NewAlarm(std::function<void()> on_ring) {
  return std::make_unique<LoopAlarm>(raw_, std::move(on_ring));
}

void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace sequin
