// See push_consumer.h. push_demand.cpp decides how much to claim.
#include "push/push_consumer.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "push/webhook.h"

namespace sequin {

namespace {

// Trouble of our own (no file descriptor): wait before the next claim.
constexpr Millis kOwnTroublePause{1000};

// Time kept back to get the settle to the database before the claim ends.
Millis SettleMargin(Millis visibility_timeout) {
  return std::clamp(visibility_timeout / 20, Millis(20), Millis(1000));
}

}  // namespace

PushConsumer::PushConsumer(PushContext& context, ConsumerInfo info)
    : context_(context),
      info_(std::move(info)),
      state_(info_.status == ConsumerStatus::kActive ? State::kActive : State::kPaused),
      settler_(context.clock, context.queue, info_.number, context.settings.settle_items_max,
               context.settle_load),
      feed_(context.clock, context.queue, info_.number, *this),
      self_(std::make_shared<PushConsumer*>(this)) {
  ask_again_ = context.clock.NewAlarm([this] {
    top_up_ = true;
    feed_.DemandChanged();
  });
}

PushConsumer::~PushConsumer() {
  context_.slots.Forget(this);
}

void PushConsumer::Update(ConsumerInfo info) {
  info_ = std::move(info);
  if (state_ == State::kRetired) return;
  const bool active = info_.status == ConsumerStatus::kActive;
  state_ = active ? State::kActive : State::kPaused;
  if (active) return feed_.Wake();
  ReleaseReady();
}

void PushConsumer::Retire() {
  state_ = State::kRetired;
  feed_.Stop();
  ask_again_->Cancel();
  ReleaseReady();
}

void PushConsumer::OnClaims(std::vector<Claim> claims, SteadyTime asked_at) {
  for (Claim& claim : claims) {
    if (!claim.empty()) AddClaim(std::move(claim), asked_at + info_.visibility_timeout);
  }
  if (state_ != State::kActive) return ReleaseReady();
  SendReady();
}

void PushConsumer::AddClaim(Claim messages, SteadyTime deadline) {
  context_.metrics.CountClaim(info_.name, "push", messages.size());
  active_ += messages.size();
  std::vector<std::optional<int64_t>> groups;
  for (const Message& message : messages) {
    groups.push_back(message.group);
    context_.budget.Take(message.envelope.size());
  }
  const bool whole = info_.batch_size > 1;
  auto claim = std::make_shared<ActiveClaim>(
      ActiveClaim{std::move(messages), ClaimSequencer(groups), deadline, whole});
  if (whole) {
    std::vector<size_t> all(groups.size());
    for (size_t entry = 0; entry < all.size(); ++entry) all[entry] = entry;
    ready_.push_back({claim, std::move(all)});
    return;
  }
  for (const size_t head : claim->sequence.Heads()) ready_.push_back({claim, {head}});
}

void PushConsumer::SendReady() {
  while (!ready_.empty()) {
    if (TooLate(*ready_.front().claim)) {
      Ready late = std::move(ready_.front());
      ready_.pop_front();
      Finish(late, {VerdictClass::kOurs, Outcome::kRelease, {}, ""});
      continue;
    }
    if (!context_.slots.Take(this)) return;
    Ready ready = std::move(ready_.front());
    ready_.pop_front();
    Send(std::move(ready));
  }
  feed_.DemandChanged();
}

bool PushConsumer::TooLate(const ActiveClaim& claim) const {
  const Millis least = std::min<Millis>(info_.visibility_timeout / 10, Millis(1000));
  return claim.deadline - context_.clock.Now() < SettleMargin(info_.visibility_timeout) + least;
}

void PushConsumer::Send(Ready ready) {
  std::vector<const Message*> messages;
  for (const size_t entry : ready.entries) messages.push_back(&ready.claim->messages[entry]);
  PushRequest request = BuildWebhook(info_, messages, context_.clock.WallNow());
  const auto left =
      std::chrono::duration_cast<Millis>(ready.claim->deadline - context_.clock.Now());
  request.timeout = std::min(info_.request_timeout, left - SettleMargin(info_.visibility_timeout));
  const SteadyTime sent_at = context_.clock.Now();
  context_.transport.Send(
      std::move(request),
      [self = std::weak_ptr(self_), ready = std::move(ready), sent_at](const PushReply& reply) {
        if (const auto consumer = self.lock()) {
          (*consumer)->OnReply(ready, sent_at, reply);
        }
      });
}

void PushConsumer::OnReply(const Ready& sent, SteadyTime sent_at, const PushReply& reply) {
  const Verdict verdict =
      JudgeReply(reply, context_.clock.WallNow(), context_.settings.retry_after_max);
  const std::chrono::duration<double> took = context_.clock.Now() - sent_at;
  context_.metrics.CountPushRequest(info_.name, VerdictName(verdict.verdict), took.count());
  if (verdict.verdict != VerdictClass::kOk) {
    spdlog::debug("consumer {}: {} ({})", info_.name, verdict.error, VerdictName(verdict.verdict));
  }
  if (verdict.verdict == VerdictClass::kOurs) {
    resume_at_ = context_.clock.Now() + kOwnTroublePause;
  }
  Finish(sent, verdict);
  if (state_ != State::kActive) ReleaseReady();
  context_.slots.Give();
  SendReady();
}

// The one place where a message leaves this class. What follows it in its group goes out next, or
// not at all: then the database takes it back together with this one.
void PushConsumer::Finish(const Ready& ready, const Verdict& verdict) {
  const bool accepted = verdict.outcome == Outcome::kAck;
  std::vector<SettleItem> items;
  for (const size_t entry : ready.entries) {
    const Message& message = ready.claim->messages[entry];
    items.push_back({message.ack_id, verdict.outcome, verdict.delay, verdict.error});
    Forget(ready.claim, entry);
    if (ready.claim->whole) continue;
    if (accepted) {
      const auto next = ready.claim->sequence.Delivered(entry);
      if (next) ready_.push_front({ready.claim, {*next}});
    } else {
      for (const size_t dropped : ready.claim->sequence.Failed(entry)) {
        Forget(ready.claim, dropped);
      }
    }
  }
  if (!accepted) feed_.ExpectDue();
  Settle(std::move(items), ready.claim->deadline);
}

// Gives back all that was not sent: of each group the first, whose followers come back with it.
void PushConsumer::ReleaseReady() {
  while (!ready_.empty()) {
    const Ready ready = std::move(ready_.front());
    ready_.pop_front();
    Finish(ready, {VerdictClass::kOurs, Outcome::kRelease, {}, ""});
  }
}

void PushConsumer::Forget(const ClaimPtr& claim, size_t entry) {
  std::string& envelope = claim->messages[entry].envelope;
  context_.budget.Give(envelope.size());
  envelope = std::string();
  --active_;
}

void PushConsumer::Settle(std::vector<SettleItem> items, SteadyTime give_up_at) {
  settler_.Settle(std::move(items), give_up_at, [this](Result<std::vector<std::string>> results) {
    if (!results.ok()) {
      return WarnOfSettle(results.error());
    }
    for (const std::string& result : results.value()) {
      context_.metrics.CountSettle(info_.name, result);
    }
    feed_.DemandChanged();
  });
}

// Once a second: a statement that fails does so for all that it carried.
void PushConsumer::WarnOfSettle(const Error& error) {
  if (context_.clock.Now() < next_warning_at_) return;
  next_warning_at_ = context_.clock.Now() + Millis(1000);
  spdlog::warn("consumer {}: cannot settle: {}", info_.name, error.message);
}

void PushConsumer::OnReceiveFailed(const Error& error) {
  // A database that is away is told once, where the connections are kept.
  const bool away = error.kind == ErrorKind::kUnavailable;
  spdlog::log(away ? spdlog::level::debug : spdlog::level::warn, "consumer {}: cannot claim: {}",
              info_.name, error.message);
}

}  // namespace sequin
