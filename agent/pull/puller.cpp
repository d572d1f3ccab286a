// See puller.h.
#include "pull/puller.h"

#include <algorithm>
#include <utility>

namespace sequin {

namespace {

constexpr Millis kReapEvery{200};

Outcome OutcomeOf(PullVerb verb) {
  switch (verb) {
    case PullVerb::kNack:
      return Outcome::kNack;
    case PullVerb::kRelease:
      return Outcome::kRelease;
    default:
      return Outcome::kAck;
  }
}

// {"data":[{"ack_id":"...","result":"..."}]}; both texts come from the database or were checked.
std::string ResultsBody(const std::vector<std::string>& ids,
                        const std::vector<std::string>& results) {
  std::string body = "{\"data\":[";
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) body += ',';
    body += "{\"ack_id\":\"" + ids[i] + "\",\"result\":\"" + results[i] + "\"}";
  }
  return body + "]}";
}

}  // namespace

Puller::Puller(PullContext& context, ConsumerDirectory& directory, Probes probes)
    : context_(context), directory_(directory), probes_(std::move(probes)) {
  reap_ = context.clock.NewAlarm([this] { Reap(); });
}

void Puller::Respond(std::string_view route, const ExchangePtr& exchange, HttpResponse response) {
  context_.metrics.CountHttpRequest(route, response.status);
  exchange->Respond(std::move(response));
}

void Puller::Handle(HttpRequest request, ExchangePtr exchange) {
  const Route route = FindRoute(request.method, request.path);
  const std::string_view name = RouteName(route);
  switch (route.kind) {
    case RouteKind::kHealth: {
      const Health health = probes_.health();
      if (health.ok) return Respond(name, exchange, {200, "{\"ok\":true}"});
      return Respond(name, exchange, ErrorResponse(503, health.reason));
    }
    case RouteKind::kMetrics:
      return probes_.metrics([this, name, exchange](std::string text) {
        Respond(name, exchange, {200, std::move(text), "text/plain; version=0.0.4; charset=utf-8"});
      });
    case RouteKind::kNotFound:
      return Respond(name, exchange, ErrorResponse(404, "no such route"));
    case RouteKind::kMethodNotAllowed: {
      HttpResponse response = ErrorResponse(405, "method not allowed; use " + route.allow);
      response.headers.emplace_back("Allow", route.allow);
      return Respond(name, exchange, std::move(response));
    }
    case RouteKind::kPull:
      return HandlePull(route, request, exchange);
  }
}

void Puller::HandlePull(const Route& route, const HttpRequest& request,
                        const ExchangePtr& exchange) {
  directory_.Find(route.consumer, [this, route, request, exchange](auto found) {
    if (!found.ok()) return Respond(RouteName(route), exchange, ResponseOf(found.error()));
    OnConsumer(route, request, exchange, *found.value());
  });
}

void Puller::OnConsumer(const Route& route, const HttpRequest& request, const ExchangePtr& exchange,
                        const ConsumerInfo& info) {
  const auto consumer = consumers_.find(info.number);
  // To pull clients a push consumer does not exist.
  if (consumer == consumers_.end()) {
    const std::string summary = "no pull consumer \"" + route.consumer + "\"";
    return Respond(RouteName(route), exchange, ErrorResponse(404, summary));
  }
  if (route.verb != PullVerb::kReceive) {
    return HandleSettle(route, request, exchange, *consumer->second);
  }
  const auto arguments = ParseReceiveArguments(request);
  if (!arguments.ok()) {
    return Respond("receive", exchange, ResponseOf(arguments.error()));
  }
  if (draining_) return Respond("receive", exchange, {200, "{\"data\":[]}"});
  consumer->second->Receive(arguments.value(), exchange);
}

void Puller::HandleSettle(const Route& route, const HttpRequest& request,
                          const ExchangePtr& exchange, PullConsumer& consumer) {
  const std::string_view name = RouteName(route);
  auto arguments = ParseSettleArguments(request);
  if (!arguments.ok()) return Respond(name, exchange, ResponseOf(arguments.error()));
  const SettleArguments& settle = arguments.value();
  if (route.verb == PullVerb::kExtend) return Extend(consumer, settle, exchange);
  const Outcome outcome = OutcomeOf(route.verb);
  std::vector<SettleItem> items;
  for (const std::string& id : settle.ack_ids) {
    items.push_back(
        {id, outcome, outcome == Outcome::kNack ? settle.delay : std::optional<Millis>(), ""});
  }
  const bool own = route.style == PullStyle::kOwn;
  consumer.Settle(std::move(items), [this, name, own, exchange, ids = settle.ack_ids](
                                        Result<std::vector<std::string>> results) {
    if (!results.ok()) return Respond(name, exchange, ResponseOf(results.error()));
    if (!own) return Respond(name, exchange, {200, "{\"success\":true}"});
    Respond(name, exchange, {200, ResultsBody(ids, results.value())});
  });
}

void Puller::Extend(const PullConsumer& consumer, const SettleArguments& arguments,
                    const ExchangePtr& exchange) {
  const Millis timeout = arguments.visibility_timeout.value_or(consumer.info().visibility_timeout);
  ++extends_;
  context_.queue.Extend(consumer.info().id, arguments.ack_ids, timeout,
                        [this, exchange, ids = arguments.ack_ids](auto answer) {
                          --extends_;
                          if (!answer.ok()) {
                            return Respond("extend", exchange, ResponseOf(answer.error()));
                          }
                          std::map<std::string, std::string> by_id;
                          for (auto& one : answer.value()) by_id[one.ack_id] = one.result;
                          std::vector<std::string> results;
                          for (const std::string& id : ids) {
                            const auto found = by_id.find(id);
                            results.push_back(found == by_id.end() ? "UNKNOWN" : found->second);
                          }
                          Respond("extend", exchange, {200, ResultsBody(ids, results)});
                        });
}

void Puller::Reconcile(const std::vector<ConsumerInfo>& consumers) {
  std::map<int, const ConsumerInfo*> wanted;
  for (const ConsumerInfo& info : consumers) {
    if (info.kind == ConsumerKind::kPull) wanted[info.number] = &info;
  }
  for (auto it = consumers_.begin(); it != consumers_.end();) {
    const auto found = wanted.find(it->first);
    if (found != wanted.end() && found->second->id == it->second->info().id) {
      ++it;
      continue;
    }
    Retire(std::move(it->second));
    it = consumers_.erase(it);
  }
  for (const auto& [number, info] : wanted) {
    auto& consumer = consumers_[number];
    if (!consumer) {
      consumer = std::make_unique<PullConsumer>(context_, *info);
    } else {
      consumer->Update(*info);
      consumer->Wake();  // it may have been resumed
    }
  }
}

void Puller::Retire(std::unique_ptr<PullConsumer> consumer) {
  consumer->Retire();
  retired_.push_back(std::move(consumer));
  reap_->Set(kReapEvery);
}

// Never from inside a consumer's own callback.
void Puller::Reap() {
  std::erase_if(retired_, [](const auto& consumer) { return consumer->idle(); });
  if (!retired_.empty()) reap_->Set(kReapEvery);
}

void Puller::Wake(int consumer) {
  const auto found = consumers_.find(consumer);
  if (found != consumers_.end()) found->second->Wake();
}

void Puller::WakeAll() {
  for (auto& [number, consumer] : consumers_) consumer->Wake();
}

void Puller::Drain() {
  draining_ = true;
  for (auto& [number, consumer] : consumers_) consumer->Drain();
}

bool Puller::idle() const {
  const auto is_idle = [](const auto& one) { return one->idle(); };
  return extends_ == 0 &&
         std::all_of(consumers_.begin(), consumers_.end(),
                     [&](const auto& entry) { return is_idle(entry.second); }) &&
         std::all_of(retired_.begin(), retired_.end(), is_idle);
}

}  // namespace sequin
