// See push_consumer.h. push_demand.cpp decides how much to claim.
#include "push/push_consumer.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "push/webhook.h"

namespace sequin {

namespace {

// Trouble of our own (no file descriptor): wait before the next claim.
constexpr Millis kOwnTroublePause{1000};

// While so many messages are under way, outcomes wait a moment for each other: a statement and its
// commit cost as much as dozens of messages. With less under way somebody may wait for the
// database: a group for its next message, a small budget for the next claim.
constexpr size_t kBusy = 64;
constexpr size_t kSettleTogether = 128;
constexpr Millis kSettleAfter{5};

// Time kept back to get the settle to the database before the claim ends.
Millis SettleMargin(Millis visibility_timeout) {
  return std::clamp(visibility_timeout / 20, Millis(20), Millis(1000));
}

}  // namespace

PushConsumer::PushConsumer(PushContext& context, ConsumerInfo info)
    : context_(context),
      info_(std::move(info)),
      target_(TargetOf(info_)),
      metrics_(context.metrics.Of(info_.name)),
      state_(info_.status == ConsumerStatus::kActive ? State::kActive : State::kPaused),
      settler_(context.clock, context.queue, info_.number, context.settings.settle_items_max,
               context.settle_load),
      feed_(context.clock, context.queue, info_.number, *this),
      self_(std::make_shared<PushConsumer*>(this)) {
  ask_again_ = context.clock.NewAlarm([this] {
    top_up_ = true;
    feed_.DemandChanged();
  });
  settle_soon_ = context.clock.NewAlarm([this] { SettleNow(); });
}

PushConsumer::~PushConsumer() {
  context_.slots.Forget(this);
}

void PushConsumer::Update(ConsumerInfo info) {
  info_ = std::move(info);
  target_ = TargetOf(info_);
  metrics_ = context_.metrics.Of(info_.name);
  if (state_ == State::kRetired) return;
  const bool active = info_.status == ConsumerStatus::kActive;
  state_ = active ? State::kActive : State::kPaused;
  if (active) return feed_.Wake();
  ReleaseReady();
  SettleNow();
}

void PushConsumer::Retire() {
  state_ = State::kRetired;
  feed_.Stop();
  ask_again_->Cancel();
  ReleaseReady();
  SettleNow();
}

void PushConsumer::OnClaims(std::vector<Claim> claims, SteadyTime asked_at) {
  for (Claim& claim : claims) {
    if (!claim.empty()) AddClaim(std::move(claim), asked_at + info_.visibility_timeout);
  }
  if (state_ != State::kActive) return ReleaseReady();
  SendReady();
}

void PushConsumer::AddClaim(Claim messages, SteadyTime deadline) {
  metrics_->CountClaim("push", messages.size(), RedeliveredIn(messages));
  active_ += messages.size();
  std::vector<std::optional<int64_t>> groups;
  groups.reserve(messages.size());
  for (Message& message : messages) {
    groups.push_back(message.group);
    message.bytes = message.envelope.size();
    context_.budget.Take(message.bytes);
  }
  const bool whole = info_.batch_size > 1;
  auto claim = std::make_shared<ActiveClaim>(
      ActiveClaim{std::move(messages), ClaimSequencer(groups), deadline, whole});
  if (whole) return ready_.push_back({claim, 0});
  for (const size_t head : claim->sequence.Heads()) ready_.push_back({claim, head});
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

std::span<Message> PushConsumer::MessagesOf(const Ready& ready) {
  Claim& messages = ready.claim->messages;
  return ready.claim->whole ? std::span(messages) : std::span(&messages[ready.entry], 1);
}

void PushConsumer::Send(Ready ready) {
  PushRequest request =
      BuildWebhook(target_, ready.claim->whole, MessagesOf(ready), context_.clock.WallNow());
  const auto left =
      std::chrono::duration_cast<Millis>(ready.claim->deadline - context_.clock.Now());
  request.timeout = std::min(info_.request_timeout, left - SettleMargin(info_.visibility_timeout));
  if (Planted("webhook_past_claim")) request.timeout = Millis(60000);
  const SteadyTime sent_at = context_.clock.Now();
  if (Planted("webhook_acked_at_once")) Finish(ready, {VerdictClass::kOk, Outcome::kAck, {}, ""});
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
  metrics_->CountPushRequest(VerdictName(verdict.verdict), ReplyName(reply), took.count());
  if (verdict.verdict != VerdictClass::kOk) {
    spdlog::debug("consumer {}: {} ({})", info_.name, verdict.error, VerdictName(verdict.verdict));
  }
  if (verdict.verdict == VerdictClass::kOurs) {
    resume_at_ = context_.clock.Now() + kOwnTroublePause;
  }
  if (!Planted("webhook_acked_at_once")) Finish(sent, verdict);
  if (state_ != State::kActive) ReleaseReady();
  context_.slots.Give();
  SendReady();
}

// The one place where a message leaves this class. What follows it in its group goes out next, or
// not at all: then the database takes it back together with this one.
void PushConsumer::Finish(const Ready& ready, const Verdict& verdict) {
  for (Message& message : MessagesOf(ready)) {
    settled_.push_back({std::move(message.ack_id), verdict.outcome, verdict.delay, verdict.error});
    Forget(message);
  }
  settle_until_ = std::max(settle_until_, ready.claim->deadline);
  const bool accepted = verdict.outcome == Outcome::kAck;
  if (!ready.claim->whole) FollowUp(ready, accepted);
  if (!accepted) feed_.ExpectDue();
  if (!accepted || !MaySettleLater()) return SettleNow();
  if (!settle_soon_->armed()) settle_soon_->Set(kSettleAfter);
}

void PushConsumer::FollowUp(const Ready& ready, bool accepted) {
  ActiveClaim& claim = *ready.claim;
  if (accepted) {
    const auto next = claim.sequence.Delivered(ready.entry);
    if (next) ready_.push_front({ready.claim, *next});
  } else {
    for (const size_t dropped : claim.sequence.Failed(ready.entry)) {
      Forget(claim.messages[dropped]);
    }
  }
}

// Gives back all that was not sent: of each group the first, whose followers come back with it.
void PushConsumer::ReleaseReady() {
  while (!ready_.empty()) {
    const Ready ready = std::move(ready_.front());
    ready_.pop_front();
    Finish(ready, {VerdictClass::kOurs, Outcome::kRelease, {}, ""});
  }
}

void PushConsumer::Forget(Message& message) {
  context_.budget.Give(message.bytes);
  message.envelope = std::string();
  --active_;
}

bool PushConsumer::MaySettleLater() const {
  return state_ == State::kActive && active_ >= kBusy && settled_.size() < kSettleTogether;
}

void PushConsumer::SettleNow() {
  settle_soon_->Cancel();
  if (settled_.empty()) return;
  const SteadyTime give_up_at = std::exchange(settle_until_, {});
  settler_.Settle(std::exchange(settled_, {}), give_up_at, [this](auto results) {
    if (results.ok()) {
      for (const std::string& result : results.value()) metrics_->CountSettle(result);
    } else {
      WarnOfSettle(results.error());
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
