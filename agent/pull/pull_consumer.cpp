// See pull_consumer.h. Invariant: every claimed message is either in a response that was written or
// released again.
#include "pull/pull_consumer.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "base/planted.h"

namespace sequin {

namespace {

constexpr Millis kSharedLimitPause{20};
constexpr char kNoMessages[] = "{\"data\":[]}";

std::string BodyOf(const Claim& claim) {
  size_t size = 16;
  for (const Message& message : claim) size += message.envelope.size() + 64;
  std::string body;
  body.reserve(size);
  body = "{\"data\":[";
  for (const Message& message : claim) {
    if (&message != &claim.front()) body += ',';
    body += "{\"ack_id\":\"" + message.ack_id + "\",\"data\":";
    body += message.envelope;
    body += '}';
  }
  body += "]}";
  return body;
}

}  // namespace

HttpResponse ResponseOf(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kInvalid:
      return ErrorResponse(400, error.message);
    case ErrorKind::kNotFound:
      return ErrorResponse(404, error.message);
    case ErrorKind::kUnavailable:
      return ErrorResponse(503, "the database cannot be reached: " + error.message);
    case ErrorKind::kOverloaded:
      return ErrorResponse(503, error.message);
    case ErrorKind::kDatabase:
      break;
  }
  const bool bad_argument = error.sqlstate.starts_with("22");
  return ErrorResponse(bad_argument ? 400 : 500,
                       error.message + " (SQLSTATE " + error.sqlstate + ")");
}

PullConsumer::PullConsumer(PullContext& context, ConsumerInfo info)
    : context_(context),
      info_(std::move(info)),
      metrics_(context.metrics.Of(info_.name)),
      settler_(context.clock, context.queue, info_.number, context.settings.settle_items_max,
               context.settle_load),
      feed_(context.clock, context.queue, info_.number, *this),
      self_(std::make_shared<PullConsumer*>(this)) {
  ask_again_ = context.clock.NewAlarm([this] { feed_.DemandChanged(); });
}

PullConsumer::~PullConsumer() {
  context_.waiters -= waiters_.size();
}

void PullConsumer::Update(ConsumerInfo info) {
  info_ = std::move(info);
  metrics_ = context_.metrics.Of(info_.name);
}

void PullConsumer::Receive(const ReceiveArguments& arguments, ExchangePtr exchange) {
  if (context_.waiters >= context_.settings.waiters_max) {
    return exchange->Respond(ErrorResponse(503, "too many receive requests are waiting"));
  }
  const WaiterId id = next_id_++;
  Waiter& waiter = waiters_[id];
  ++context_.waiters;
  waiter.exchange = exchange;
  waiter.until = context_.clock.Now() + arguments.wait;
  if (arguments.wait.count() > 0) {
    waiter.alarm = context_.clock.NewAlarm([this, id] { OnDeadline(id); });
    waiter.alarm->Set(arguments.wait);
  }
  exchange->OnAbandoned([self = std::weak_ptr(self_), id] {
    if (const auto consumer = self.lock()) (*consumer)->Remove(id);
  });
  queue_.Add(id, {arguments.batch_size, arguments.visibility_timeout});
  // One more try for this client, whatever the last claim found.
  feed_.Wake();
}

void PullConsumer::Wake() {
  if (!waiters_.empty()) feed_.Wake();
}

Demand PullConsumer::NextDemand() {
  const size_t fits = context_.budget.MessagesThatFit();
  if (fits == 0 && queue_.unclaimed() > 0) ask_again_->Set(kSharedLimitPause);
  const auto claiming = queue_.StartClaim(context_.settings.claims_per_statement_max, fits);
  if (claiming.empty()) return {};
  return {queue_.sizes(), queue_.visibility_timeout()};
}

void PullConsumer::OnClaims(std::vector<Claim> claims, SteadyTime) {
  const std::vector<WaiterId> served = queue_.FinishClaim();
  if (Planted("pull_claim_shared") && claims.size() > 1) claims[1] = claims[0];
  std::vector<WaiterId> still_waiting;
  std::vector<std::string> unwanted;
  for (size_t i = 0; i < served.size(); ++i) {
    const auto waiter = waiters_.find(served[i]);
    if (!claims[i].empty()) {
      metrics_->CountClaim("pull", claims[i].size(), RedeliveredIn(claims[i]));
    }
    if (waiter == waiters_.end()) {
      for (Message& message : claims[i]) unwanted.push_back(std::move(message.ack_id));
    } else if (!claims[i].empty()) {
      AnswerMessages(served[i], std::move(claims[i]));
    } else if (waiter->second.until <= context_.clock.Now()) {
      Answer(served[i], {200, kNoMessages});
    } else {
      still_waiting.push_back(served[i]);
    }
  }
  queue_.PutBack(still_waiting);
  if (!unwanted.empty()) Release(std::move(unwanted));
}

void PullConsumer::AnswerMessages(WaiterId id, Claim claim) {
  size_t bytes = 0;
  std::vector<std::string> ack_ids;
  for (const Message& message : claim) {
    bytes += message.envelope.size();
    context_.budget.Take(message.envelope.size());
    ack_ids.push_back(message.ack_id);
  }
  Answer(id, {200, BodyOf(claim)},
         [this, self = std::weak_ptr(self_), bytes, ack_ids = std::move(ack_ids)](bool sent) {
           if (self.expired()) return;
           context_.budget.Give(bytes);
           if (!sent) Release(ack_ids);
         });
}

void PullConsumer::Answer(WaiterId id, HttpResponse response, std::function<void(bool)> on_sent) {
  const ExchangePtr exchange = std::move(waiters_.at(id).exchange);
  Remove(id);
  context_.metrics.CountHttpRequest("receive", response.status);
  exchange->Respond(std::move(response), std::move(on_sent));
}

void PullConsumer::Remove(WaiterId id) {
  queue_.Remove(id);
  context_.waiters -= waiters_.erase(id);
}

void PullConsumer::OnDeadline(WaiterId id) {
  // In a claim under way: its answer, which is near, decides.
  const bool claiming = queue_.Has(id) && !queue_.Waits(id);
  if (!claiming) Answer(id, {200, kNoMessages});
}

void PullConsumer::OnReceiveFailed(const Error& error) {
  const std::vector<WaiterId> asked = queue_.FinishClaim();
  if (error.kind == ErrorKind::kNotFound) return AnswerAll(ResponseOf(error));
  spdlog::debug("consumer {}: cannot claim: {}", info_.name, error.message);
  std::vector<WaiterId> still_waiting;
  for (const WaiterId id : asked) {
    const auto waiter = waiters_.find(id);
    if (waiter == waiters_.end()) continue;
    const bool transient = error.kind == ErrorKind::kUnavailable;
    if (transient && waiter->second.until > context_.clock.Now()) {
      still_waiting.push_back(id);
    } else {
      Answer(id, ResponseOf(error));
    }
  }
  queue_.PutBack(still_waiting);
}

void PullConsumer::AnswerAll(const HttpResponse& response) {
  for (const WaiterId id : queue_.All()) {
    if (waiters_.contains(id)) Answer(id, response);
  }
}

void PullConsumer::Settle(std::vector<SettleItem> items, OnResults on_results) {
  if (items.empty()) return on_results(std::vector<std::string>{});
  if (context_.settle_load.full()) {
    return on_results(Error{ErrorKind::kOverloaded, "too many settles are waiting"});
  }
  if (Planted("pull_ack_untold") && items.front().outcome == Outcome::kAck) {
    on_results(std::vector<std::string>(items.size(), "ACKED"));
    on_results = [](auto) {};
  }
  const bool parks = items.front().outcome != Outcome::kAck;
  settler_.Settle(std::move(items), context_.clock.Now() + context_.settings.settle_retry,
                  [this, parks, on_results = std::move(on_results)](auto results) {
                    if (results.ok()) {
                      for (const std::string& result : results.value()) {
                        metrics_->CountSettle(result);
                      }
                    }
                    if (parks && !waiters_.empty()) feed_.ExpectDue();
                    on_results(std::move(results));
                  });
}

void PullConsumer::Release(std::vector<std::string> ack_ids) {
  std::vector<SettleItem> items;
  for (std::string& id : ack_ids) items.push_back({std::move(id), Outcome::kRelease});
  const SteadyTime give_up_at = context_.clock.Now() + info_.visibility_timeout;
  settler_.Settle(std::move(items), give_up_at, [this](auto results) {
    if (!results.ok()) {
      spdlog::warn("consumer {}: cannot release: {}", info_.name, results.error().message);
    }
    Wake();
  });
}

void PullConsumer::Drain() {
  feed_.Stop();
  for (const WaiterId id : queue_.All()) {
    // Who is in a claim under way gets what it brings.
    if (queue_.Waits(id))
      Answer(id, {200, kNoMessages});
    else
      waiters_.at(id).until = context_.clock.Now();
  }
}

void PullConsumer::Retire() {
  feed_.Stop();
  AnswerAll(ErrorResponse(404, "no consumer \"" + info_.name + "\""));
}

}  // namespace sequin
