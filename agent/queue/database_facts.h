// What the database says about itself, for GET /metrics.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace sequin {

// WAL that was not captured, and that some consumers have not settled.
struct GapFacts {
  long long incarnation = 0;  // of the messages behind it
  std::string from_lsn;
  std::string to_lsn;
  double consumers = 0;  // for which it is open
};

struct CaptureFacts {
  std::string state;
  std::optional<double> lag_bytes;  // nothing: not known
  std::optional<double> lag_seconds;
  std::optional<double> incarnation;
  double consumers_elsewhere = 0;  // that belong to another place: nothing is delivered to them
  std::vector<GapFacts> gaps = {};
};

struct ConsumerFacts {
  std::string name;
  std::string kind;
  std::string status;
  double ready = 0;
  double in_flight = 0;
  double parked = 0;
  double dead = 0;
  double oldest_age_seconds = 0;
  double log_bytes = 0;
  double lost = 0;
  // Since the consumer was made; nothing: the extension does not count them.
  std::optional<double> routed_total = {};
  std::optional<double> claimed_total = {};
  std::optional<double> returned_total = {};
  std::optional<double> acked_total = {};
};

struct DatabaseFacts {
  std::optional<CaptureFacts> capture;  // nothing: the extension is too old to tell
  std::vector<ConsumerFacts> consumers = {};
};

}  // namespace sequin
