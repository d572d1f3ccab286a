// See metrics.h. The only file that includes prometheus-cpp.
#include "metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <functional>
#include <map>
#include <vector>

namespace sequin {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Labels;

namespace {

const Histogram::BucketBoundaries kSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                              0.25,  0.5,    1,     2.5,  5,     10,   30};

struct GaugeText {
  GaugeName name;
  const char* text;
  const char* help;
};

constexpr GaugeText kGauges[] = {
    {GaugeName::kDatabaseConnectionsReady, "sequin_agent_database_connections_ready",
     "Work connections that can take a statement"},
    {GaugeName::kListenConnectionReady, "sequin_agent_listen_connection_ready",
     "1 while notifications can arrive"},
    {GaugeName::kPushRequestsInFlight, "sequin_agent_push_requests_in_flight",
     "Webhook requests under way"},
    {GaugeName::kPushMessagesClaimed, "sequin_agent_push_messages_claimed",
     "Messages claimed for push whose outcome is not known yet"},
    {GaugeName::kSettlesQueued, "sequin_agent_settles_queued",
     "Settles waiting for the database's answer"},
    {GaugeName::kPullWaiters, "sequin_agent_pull_waiters", "Receive requests that are waiting"},
    {GaugeName::kHttpConnections, "sequin_agent_http_connections", "Open client connections"},
    {GaugeName::kPayloadBytesHeld, "sequin_agent_payload_bytes_held",
     "Bytes of claimed messages in memory"},
    {GaugeName::kConsumers, "sequin_agent_consumers", "Consumers in the database"},
};

}  // namespace

struct Metrics::Registry {
  prometheus::Registry registry;
  Family<Counter>& push_requests = BuildCounter()
                                       .Name("sequin_agent_push_requests_total")
                                       .Help("Webhook requests by outcome")
                                       .Register(registry);
  Family<Histogram>& push_seconds = BuildHistogram()
                                        .Name("sequin_agent_push_request_seconds")
                                        .Help("Duration of webhook requests")
                                        .Register(registry);
  Family<Counter>& claimed = BuildCounter()
                                 .Name("sequin_agent_messages_claimed_total")
                                 .Help("Messages claimed from the queue")
                                 .Register(registry);
  Family<Counter>& settles = BuildCounter()
                                 .Name("sequin_agent_settles_total")
                                 .Help("Settled messages by the database's result")
                                 .Register(registry);
  Family<Counter>& http_requests = BuildCounter()
                                       .Name("sequin_agent_http_requests_total")
                                       .Help("Answered requests by route and status")
                                       .Register(registry);
  Counter& losses = BuildCounter()
                        .Name("sequin_agent_database_connection_losses_total")
                        .Help("Connections to the database that broke or could not be made")
                        .Register(registry)
                        .Add({});
  Counter& http_refused = BuildCounter()
                              .Name("sequin_agent_http_connections_refused_total")
                              .Help("Client connections above a cap")
                              .Register(registry)
                              .Add({});
  std::map<GaugeName, Gauge*> gauges;
  std::map<std::string, std::vector<std::function<void()>>> removals;

  template <typename T, typename... Extra>
  T& Of(Family<T>& family, const std::string& consumer, Labels labels, Extra&&... extra) {
    labels.emplace("consumer", consumer);
    const bool known = family.Has(labels);
    T& metric = family.Add(labels, std::forward<Extra>(extra)...);
    if (!known) {
      removals[consumer].push_back([&family, &metric] { family.Remove(&metric); });
    }
    return metric;
  }
};

Metrics::Metrics() : registry_(std::make_unique<Registry>()) {
  for (const GaugeText& gauge : kGauges) {
    registry_->gauges[gauge.name] =
        &BuildGauge().Name(gauge.text).Help(gauge.help).Register(registry_->registry).Add({});
  }
}

Metrics::~Metrics() = default;

void Metrics::CountPushRequest(const std::string& consumer, std::string_view outcome,
                               double seconds) {
  registry_->Of(registry_->push_requests, consumer, {{"outcome", std::string(outcome)}})
      .Increment();
  registry_->Of(registry_->push_seconds, consumer, {}, kSeconds).Observe(seconds);
}

void Metrics::CountClaim(const std::string& consumer, std::string_view kind, size_t messages) {
  registry_->Of(registry_->claimed, consumer, {{"kind", std::string(kind)}})
      .Increment(static_cast<double>(messages));
}

void Metrics::CountSettle(const std::string& consumer, std::string_view result, size_t count) {
  registry_->Of(registry_->settles, consumer, {{"result", std::string(result)}})
      .Increment(static_cast<double>(count));
}

void Metrics::CountHttpRequest(std::string_view route, int status) {
  registry_->http_requests.Add({{"route", std::string(route)}, {"status", std::to_string(status)}})
      .Increment();
}

void Metrics::CountDatabaseLoss() {
  registry_->losses.Increment();
}

void Metrics::SetHttpConnectionsRefused(size_t total) {
  registry_->http_refused.Increment(static_cast<double>(total) - registry_->http_refused.Value());
}

void Metrics::SetGauge(GaugeName name, double value) {
  registry_->gauges[name]->Set(value);
}

void Metrics::ForgetConsumer(const std::string& consumer) {
  const auto found = registry_->removals.find(consumer);
  if (found == registry_->removals.end()) return;
  for (const auto& remove : found->second) remove();
  registry_->removals.erase(found);
}

std::string Metrics::Text() const {
  return prometheus::TextSerializer().Serialize(registry_->registry.Collect());
}

}  // namespace sequin
