// See metrics.h.
#include "metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <vector>

#include "config/version.h"
#include "metrics/database_families.h"
#include "metrics/process_facts.h"

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
    {GaugeName::kDatabaseFactsKnown, "sequin_agent_database_facts_known",
     "1 when what the database says about itself is shown"},
};

// The counters of a family that belong to one consumer, by the value of one more label. There are
// few of them, and most increments are of the first.
class CounterSet {
 public:
  CounterSet(Family<Counter>& family, std::string label, const std::string& consumer)
      : family_(family), label_(std::move(label)), consumer_(consumer) {}
  ~CounterSet() {
    for (const auto& [value, counter] : counters_) family_.Remove(counter);
  }
  CounterSet(const CounterSet&) = delete;
  CounterSet& operator=(const CounterSet&) = delete;

  Counter& operator[](std::string_view value) {
    for (const auto& [known, counter] : counters_) {
      if (known == value) return *counter;
    }
    const Labels labels = {{"consumer", consumer_}, {label_, std::string(value)}};
    return *counters_.emplace_back(value, &family_.Add(labels)).second;
  }

 private:
  Family<Counter>& family_;
  std::string label_;
  std::string consumer_;
  std::vector<std::pair<std::string, Counter*>> counters_;
};

struct ConsumerFamilies {
  Family<Counter>& push_requests;
  Family<Counter>& push_replies;
  Family<Histogram>& push_seconds;
  Family<Counter>& claimed;
  Family<Counter>& redelivered;
  Family<Counter>& settles;
};

struct Series final : public ConsumerMetrics {
  Series(const ConsumerFamilies& families, const std::string& consumer)
      : requests(families.push_requests, "outcome", consumer),
        replies(families.push_replies, "reply", consumer),
        claimed(families.claimed, "kind", consumer),
        redelivered(families.redelivered, "kind", consumer),
        settles(families.settles, "result", consumer),
        seconds_family(families.push_seconds),
        name(consumer) {}
  ~Series() override {
    if (seconds != nullptr) seconds_family.Remove(seconds);
  }
  Series(const Series&) = delete;
  Series& operator=(const Series&) = delete;

  void CountPushRequest(std::string_view outcome, std::string_view reply, double took) override {
    requests[outcome].Increment();
    replies[reply].Increment();
    if (seconds == nullptr) seconds = &seconds_family.Add({{"consumer", name}}, kSeconds);
    seconds->Observe(took);
  }
  void CountClaim(std::string_view kind, size_t messages, size_t again) override {
    claimed[kind].Increment(static_cast<double>(messages));
    if (again > 0) redelivered[kind].Increment(static_cast<double>(again));
  }
  void CountSettle(std::string_view result) override { settles[result].Increment(); }

  CounterSet requests;
  CounterSet replies;
  CounterSet claimed;
  CounterSet redelivered;
  CounterSet settles;
  Family<Histogram>& seconds_family;
  Histogram* seconds = nullptr;  // of consumers that push
  std::string name;
};

}  // namespace

struct Metrics::Registry {
  prometheus::Registry registry;
  Family<Counter>& push_requests = BuildCounter()
                                       .Name("sequin_agent_push_requests_total")
                                       .Help("Webhook requests by outcome")
                                       .Register(registry);
  Family<Counter>& push_replies =
      BuildCounter()
          .Name("sequin_agent_push_replies_total")
          .Help("Webhook requests by class of status, or by what failed")
          .Register(registry);
  Family<Histogram>& push_seconds = BuildHistogram()
                                        .Name("sequin_agent_push_request_seconds")
                                        .Help("Duration of webhook requests")
                                        .Register(registry);
  Family<Counter>& claimed = BuildCounter()
                                 .Name("sequin_agent_messages_claimed_total")
                                 .Help("Messages claimed from the queue")
                                 .Register(registry);
  Family<Counter>& redelivered = BuildCounter()
                                     .Name("sequin_agent_messages_redelivered_total")
                                     .Help("Claimed messages that had been delivered before")
                                     .Register(registry);
  Family<Counter>& settles = BuildCounter()
                                 .Name("sequin_agent_settles_total")
                                 .Help("Settled messages by the database's result")
                                 .Register(registry);
  Family<Counter>& http_requests = BuildCounter()
                                       .Name("sequin_agent_http_requests_total")
                                       .Help("Answered requests by route and status")
                                       .Register(registry);
  Family<Gauge>& info =
      BuildGauge().Name("sequin_agent_info").Help("The agent's version").Register(registry);
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
};

Metrics::Metrics() : registry_(std::make_unique<Registry>()) {
  registry_->info.Add({{"version", kVersion}}).Set(1);
  for (const GaugeText& gauge : kGauges) {
    registry_->gauges[gauge.name] =
        &BuildGauge().Name(gauge.text).Help(gauge.help).Register(registry_->registry).Add({});
  }
}

Metrics::~Metrics() = default;

std::shared_ptr<ConsumerMetrics> Metrics::Of(const std::string& consumer) {
  std::weak_ptr<ConsumerMetrics>& known = consumers_[consumer];
  auto series = known.lock();
  if (!series) {
    series = std::make_shared<Series>(
        ConsumerFamilies{registry_->push_requests, registry_->push_replies, registry_->push_seconds,
                         registry_->claimed, registry_->redelivered, registry_->settles},
        consumer);
    known = series;
    std::erase_if(consumers_, [](const auto& entry) { return entry.second.expired(); });
  }
  return series;
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

void Metrics::SetDatabase(std::optional<DatabaseFacts> facts) {
  database_ = std::move(facts);
  SetGauge(GaugeName::kDatabaseFactsKnown, database_ ? 1 : 0);
}

std::string Metrics::Text() const {
  auto families = registry_->registry.Collect();
  for (auto& family : ProcessFamilies()) families.push_back(std::move(family));
  if (database_) {
    for (auto& family : DatabaseFamilies(*database_)) families.push_back(std::move(family));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace sequin
