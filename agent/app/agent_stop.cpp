// How the agent stops; this file is the whole of it.
//
//   1. push claims no more and gives back what was not sent
//   2. who waits on receive is answered with no messages
//   3. no new client connection; open ones end after the answer they wait for
//   4. requests under way are finished, and settled        (until --shutdown-timeout-ms)
//   5. requests still under way are broken off, and given back
//   6. settles, claims and answers under way are finished   (kSettleTime more)
//   7. the loop ends; everything else is closed by destructors
#include <spdlog/spdlog.h>

#include "app/agent.h"

namespace sequin {

namespace {

constexpr Millis kStepEvery{5};
constexpr Millis kSettleTime{5000};
// Clients read their last answer and close; who does not is closed by us.
constexpr Millis kClientTime{1000};

}  // namespace

void Agent::OnStopSignal() {
  if (phase_ != Phase::kRunning) {
    spdlog::warn("stopping at once: messages under way will be delivered again");
    return Finish(1);
  }
  Stop();
}

void Agent::Stop() {
  spdlog::info("stopping: {} messages under way", pusher_.claimed());
  phase_ = Phase::kDraining;
  stop_requests_at_ = loop_.Now() + settings_.shutdown_timeout;
  give_up_at_ = stop_requests_at_ + kSettleTime;
  poll_->Cancel();
  pusher_.Drain();
  puller_.Drain();
  server_.Drain();
  StopStep();
}

void Agent::StopStep() {
  const SteadyTime now = loop_.Now();
  const bool work_done = pusher_.idle() && puller_.idle();
  if (work_done && server_.connections() == 0) return Finish(0);
  if (work_done && phase_ == Phase::kDraining) {
    phase_ = Phase::kClosing;
    give_up_at_ = now + kClientTime;
  } else if (phase_ == Phase::kDraining && now >= stop_requests_at_) {
    stop_requests_at_ = SteadyTime::max();
    transport_.CancelAll();
  }
  if (now >= give_up_at_) return Finish(work_done ? 0 : 1);
  stop_step_->Set(kStepEvery);
}

void Agent::Finish(int status) {
  if (status != 0) spdlog::warn("stopped with {} messages under way", pusher_.claimed());
  if (status == 0) spdlog::info("stopped");
  phase_ = Phase::kDone;
  status_ = status;
  loop_.Stop();
}

}  // namespace sequin
