// How much a push consumer claims: its free budget, in pieces worth a round trip.
#include <algorithm>

#include "push/push_consumer.h"

namespace sequin {

namespace {

constexpr Millis kTopUpAfter{5};
constexpr Millis kSharedLimitPause{20};
constexpr size_t kClaimsMax = 32;
constexpr size_t kLargeBudget = 128;

}  // namespace

void PushConsumer::AskAgain(Millis delay) {
  if (state_ == State::kActive && !ask_again_->armed()) ask_again_->Set(delay);
}

// What may be claimed now; 0 with an alarm set when asking again later may help.
size_t PushConsumer::FreeBudget() {
  const size_t most = info_.max_in_flight > 0 ? static_cast<size_t>(info_.max_in_flight)
                                              : context_.settings.in_flight_default;
  // The database counts what is not settled yet against a limit of the consumer's own.
  const size_t unsettled = info_.max_in_flight > 0 ? settled_.size() + settler_.items() : 0;
  const size_t taken = active_ + unsettled;
  if (state_ != State::kActive || taken >= most) return 0;
  const auto pause = std::chrono::duration_cast<Millis>(resume_at_ - context_.clock.Now());
  if (pause.count() > 0) {
    AskAgain(pause);
    return 0;
  }
  const size_t fits = context_.budget.MessagesThatFit();
  if (context_.settle_load.full() || fits == 0) {
    AskAgain(kSharedLimitPause);
    return 0;
  }
  const size_t free = most - taken;
  // Many small claims cost more than they bring: wait a moment for half of a large budget, for a
  // quarter of a small one, where the endpoint would soon have nothing to do.
  const size_t enough = most >= kLargeBudget ? most / 2 : most / 4;
  if (active_ > 0 && free < enough && !top_up_) {
    AskAgain(kTopUpAfter);
    return 0;
  }
  return std::min(free, fits);
}

Demand PushConsumer::NextDemand() {
  size_t free = FreeBudget();
  top_up_ = false;
  if (free == 0) return {};
  if (info_.batch_size == 1) {
    free = std::min(free, context_.settings.claim_messages_max);
    return {{static_cast<int>(free)}};
  }
  const auto batch = static_cast<size_t>(info_.batch_size);
  if (free < batch) {
    // A partial batch only when no full one can come: the budget itself is smaller.
    if (active_ > 0) return {};
    return {{static_cast<int>(free)}};
  }
  return {std::vector<int>(std::min(free / batch, kClaimsMax), info_.batch_size)};
}

}  // namespace sequin
