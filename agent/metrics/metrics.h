// The counters and gauges of the agent, and their text for GET /metrics.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "queue/database_facts.h"

namespace sequin {

enum class GaugeName {
  kDatabaseConnectionsReady,
  kListenConnectionReady,
  kPushRequestsInFlight,
  kPushMessagesClaimed,
  kSettlesQueued,
  kPullWaiters,
  kHttpConnections,
  kPayloadBytesHeld,
  kConsumers,
  kDatabaseFactsKnown,
};

// What is counted for one consumer. The series are looked up once and gone with the last holder.
class ConsumerMetrics {
 public:
  virtual ~ConsumerMetrics() = default;

  // One finished webhook request. `outcome` is the class of push/verdict.h, `reply` that of what
  // came back: both have few values.
  virtual void CountPushRequest(std::string_view outcome, std::string_view reply,
                                double seconds) = 0;
  // `again`: how many of the messages had been delivered before.
  virtual void CountClaim(std::string_view kind, size_t messages, size_t again) = 0;
  // `result` as the database said it: ACKED, STALE, ...
  virtual void CountSettle(std::string_view result) = 0;
};

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The same for all who ask for a name at the same time. Must not outlive this object.
  std::shared_ptr<ConsumerMetrics> Of(const std::string& consumer);
  void CountHttpRequest(std::string_view route, int status);
  void CountDatabaseLoss();
  void SetHttpConnectionsRefused(size_t total);
  void SetGauge(GaugeName name, double value);
  // What the database said last; nothing: it could not be asked.
  void SetDatabase(std::optional<DatabaseFacts> facts);

  std::string Text() const;

 private:
  struct Registry;
  std::unique_ptr<Registry> registry_;
  std::map<std::string, std::weak_ptr<ConsumerMetrics>> consumers_;
  std::optional<DatabaseFacts> database_;
};

}  // namespace sequin
