// See metrics.h. The only file that includes prometheus-cpp.
#include "metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

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
  Family<Histogram>& push_seconds;
  Family<Counter>& claimed;
  Family<Counter>& settles;
};

struct Series final : public ConsumerMetrics {
  Series(const ConsumerFamilies& families, const std::string& consumer)
      : requests(families.push_requests, "outcome", consumer),
        claimed(families.claimed, "kind", consumer),
        settles(families.settles, "result", consumer),
        seconds_family(families.push_seconds),
        name(consumer) {}
  ~Series() override {
    if (seconds != nullptr) seconds_family.Remove(seconds);
  }
  Series(const Series&) = delete;
  Series& operator=(const Series&) = delete;

  void CountPushRequest(std::string_view outcome, double took) override {
    requests[outcome].Increment();
    if (seconds == nullptr) seconds = &seconds_family.Add({{"consumer", name}}, kSeconds);
    seconds->Observe(took);
  }
  void CountClaim(std::string_view kind, size_t messages) override {
    claimed[kind].Increment(static_cast<double>(messages));
  }
  void CountSettle(std::string_view result) override { settles[result].Increment(); }

  CounterSet requests;
  CounterSet claimed;
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
};

Metrics::Metrics() : registry_(std::make_unique<Registry>()) {
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
    series =
        std::make_shared<Series>(ConsumerFamilies{registry_->push_requests, registry_->push_seconds,
                                                  registry_->claimed, registry_->settles},
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

std::string Metrics::Text() const {
  return prometheus::TextSerializer().Serialize(registry_->registry.Collect());
}

}  // namespace sequin
