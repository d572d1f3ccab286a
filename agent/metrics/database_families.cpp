// See database_families.h.
#include "metrics/database_families.h"

#include <initializer_list>
#include <utility>

namespace sequin {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using LabelTexts = std::initializer_list<std::pair<const char*, std::string>>;

class Families {
 public:
  // The family that the next values belong to.
  void Begin(MetricType type, const char* name, const char* help) {
    MetricFamily family;
    family.name = name;
    family.help = help;
    family.type = type;
    families_.push_back(std::move(family));
  }

  void Add(LabelTexts labels, std::optional<double> value) {
    if (!value) return;
    ClientMetric metric;
    for (const auto& [name, text] : labels) metric.label.push_back({name, text});
    if (families_.back().type == MetricType::Counter) {
      metric.counter.value = *value;
    } else {
      metric.gauge.value = *value;
    }
    families_.back().metric.push_back(std::move(metric));
  }

  std::vector<MetricFamily> Take() {
    std::erase_if(families_, [](const MetricFamily& family) { return family.metric.empty(); });
    return std::move(families_);
  }

 private:
  std::vector<MetricFamily> families_;
};

void AddCapture(Families& families, const CaptureFacts& capture) {
  const auto gauge = [&](const char* name, const char* help, std::optional<double> value) {
    families.Begin(MetricType::Gauge, name, help);
    families.Add({}, value);
  };
  gauge("sequin_capture_up", "1 while capture of the database runs",
        capture.state == "running" ? 1 : 0);
  families.Begin(MetricType::Gauge, "sequin_capture_state",
                 "State of capture: that of sequin.status");
  families.Add({{"state", capture.state}}, 1);
  gauge("sequin_capture_lag_bytes", "WAL that is not captured yet", capture.lag_bytes);
  gauge("sequin_capture_lag_seconds", "Age of what is captured now", capture.lag_seconds);
  gauge("sequin_capture_incarnation", "Grows with each gap and each new place",
        capture.incarnation);
  gauge("sequin_capture_gaps_open", "Ranges of WAL that were not captured and are not settled",
        static_cast<double>(capture.gaps.size()));
  families.Begin(MetricType::Gauge, "sequin_capture_gap_open",
                 "Consumers for which the gap is open, by its range of WAL");
  for (const GapFacts& gap : capture.gaps) {
    families.Add({{"from_lsn", gap.from_lsn},
                  {"to_lsn", gap.to_lsn},
                  {"incarnation", std::to_string(gap.incarnation)}},
                 gap.consumers);
  }
  gauge("sequin_consumers_elsewhere",
        "Consumers of another place, to which nothing is delivered here",
        capture.consumers_elsewhere);
}

struct ConsumerFamily {
  MetricType type;
  const char* name;
  const char* help;
  std::optional<double> (*value)(const ConsumerFacts&);
};

using Facts = const ConsumerFacts&;
using Value = std::optional<double>;

constexpr ConsumerFamily kConsumerFamilies[] = {
    {MetricType::Gauge, "sequin_consumer_dead_letters", "Messages that were given up",
     [](Facts facts) -> Value { return facts.dead; }},
    {MetricType::Gauge, "sequin_consumer_oldest_age_seconds",
     "Age of the oldest message that is not done, since its commit",
     [](Facts facts) -> Value { return facts.oldest_age_seconds; }},
    {MetricType::Gauge, "sequin_consumer_log_bytes", "Disk space of the log that it holds",
     [](Facts facts) -> Value { return facts.log_bytes; }},
    {MetricType::Counter, "sequin_consumer_messages_lost_total",
     "Messages dropped before it was handed them out, by its own retention limits",
     [](Facts facts) -> Value { return facts.lost; }},
    {MetricType::Counter, "sequin_consumer_messages_routed_total", "Messages that came to it",
     [](Facts facts) -> Value { return facts.routed_total; }},
    {MetricType::Counter, "sequin_consumer_messages_claimed_total",
     "Messages handed out, each time anew",
     [](Facts facts) -> Value { return facts.claimed_total; }},
    {MetricType::Counter, "sequin_consumer_messages_returned_total",
     "Messages that came back unacked or were given up",
     [](Facts facts) -> Value { return facts.returned_total; }},
    {MetricType::Counter, "sequin_consumer_messages_acked_total", "Messages acked",
     [](Facts facts) -> Value { return facts.acked_total; }},
};

void AddConsumers(Families& families, const std::vector<ConsumerFacts>& consumers) {
  families.Begin(MetricType::Gauge, "sequin_consumer_status",
                 "Its present status: active, paused or suspended");
  for (const ConsumerFacts& one : consumers) {
    families.Add({{"consumer", one.name}, {"kind", one.kind}, {"status", one.status}}, 1);
  }
  families.Begin(MetricType::Gauge, "sequin_consumer_messages",
                 "Messages that are not done, by where they are");
  for (const ConsumerFacts& one : consumers) {
    families.Add({{"consumer", one.name}, {"state", "ready"}}, one.ready);
    families.Add({{"consumer", one.name}, {"state", "in_flight"}}, one.in_flight);
    families.Add({{"consumer", one.name}, {"state", "parked"}}, one.parked);
  }
  for (const ConsumerFamily& family : kConsumerFamilies) {
    families.Begin(family.type, family.name, family.help);
    for (const ConsumerFacts& one : consumers) {
      families.Add({{"consumer", one.name}}, family.value(one));
    }
  }
}

}  // namespace

std::vector<prometheus::MetricFamily> DatabaseFamilies(const DatabaseFacts& facts) {
  Families families;
  if (facts.capture) AddCapture(families, *facts.capture);
  AddConsumers(families, facts.consumers);
  return families.Take();
}

}  // namespace sequin
