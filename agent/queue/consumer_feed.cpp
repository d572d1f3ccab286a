// See consumer_feed.h.
#include "queue/consumer_feed.h"

#include <spdlog/spdlog.h>

#include <numeric>

namespace sequin {

namespace {

// Short claims often come in a row; one question about due times serves them all.
constexpr Millis kAskDueAfter{10};
constexpr Millis kDueMost{60000};
constexpr Millis kHeldUpPause{100};

}  // namespace

ConsumerFeed::ConsumerFeed(Clock& clock, QueuePort& queue, int consumer, FeedOwner& owner)
    : clock_(clock),
      queue_(queue),
      consumer_(consumer),
      owner_(owner),
      backoff_(Millis(100), Millis(5000)),
      self_(std::make_shared<ConsumerFeed*>(this)) {
  retry_ = clock.NewAlarm([this] { Pump(); });
  ask_due_ = clock.NewAlarm([this] { AskDue(); });
  due_ = clock.NewAlarm([this] { Wake(); });
}

void ConsumerFeed::Wake() {
  if (work_ == Work::kStopped) return;
  if (claiming_) {
    woken_while_claiming_ = true;
    return;
  }
  work_ = Work::kPossible;
  if (!retry_->armed()) Pump();
}

void ConsumerFeed::DemandChanged() {
  if (!claiming_ && !retry_->armed()) Pump();
}

void ConsumerFeed::Stop() {
  work_ = Work::kStopped;
  retry_->Cancel();
  ask_due_->Cancel();
  due_->Cancel();
}

void ConsumerFeed::Pump() {
  if (claiming_ || work_ != Work::kPossible) return;
  const Demand demand = owner_.NextDemand();
  if (demand.sizes.empty()) return;
  claiming_ = true;
  const size_t asked =
      static_cast<size_t>(std::accumulate(demand.sizes.begin(), demand.sizes.end(), 0L));
  const SteadyTime asked_at = clock_.Now();
  queue_.Receive(consumer_, demand.sizes, demand.visibility_timeout,
                 [self = std::weak_ptr(self_), asked, asked_at](auto answer) {
                   if (const auto feed = self.lock()) {
                     (*feed)->OnAnswer(std::move(answer), asked, asked_at);
                   }
                 });
}

void ConsumerFeed::OnAnswer(Result<std::vector<Claim>> answer, size_t asked, SteadyTime asked_at) {
  const bool woken = std::exchange(woken_while_claiming_, false);
  if (!answer.ok()) {
    claiming_ = false;
    if (work_ != Work::kStopped) retry_->Set(backoff_.Next());
    return owner_.OnReceiveFailed(answer.error());
  }
  backoff_.Reset();
  size_t got = 0;
  for (const Claim& claim : answer.value()) got += claim.size();
  found_nothing_ = got == 0;
  if (got < asked && work_ != Work::kStopped) {
    if (!woken) work_ = Work::kNoneKnown;
    ExpectDue();
  }
  // Still claiming: what the owner does in here must not start a second claim.
  const auto self = std::weak_ptr(self_);
  owner_.OnClaims(std::move(answer.value()), asked_at);
  if (self.expired()) return;
  claiming_ = false;
  if (std::exchange(woken_while_claiming_, false) && work_ == Work::kNoneKnown) {
    work_ = Work::kPossible;
  }
  Pump();
}

void ConsumerFeed::ExpectDue() {
  if (work_ != Work::kStopped && !ask_due_->armed()) ask_due_->Set(kAskDueAfter);
}

void ConsumerFeed::AskDue() {
  queue_.NextDue(consumer_, [self = std::weak_ptr(self_)](Result<std::optional<Millis>> due) {
    const auto feed = self.lock();
    if (!feed || !due.ok() || !due.value() || (*feed)->work_ == Work::kStopped) return;
    // Due, and yet the last claim found nothing: something that no clock will tell us holds it up.
    const bool held_up = due.value()->count() <= 0 && (*feed)->found_nothing_;
    const Millis wait = held_up ? kHeldUpPause : std::clamp(*due.value(), Millis(1), kDueMost);
    (*feed)->due_->Set(wait);
  });
}

}  // namespace sequin
