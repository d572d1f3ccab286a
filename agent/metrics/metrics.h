// The counters and gauges of the agent, and their text for GET /metrics.
#pragma once

#include <memory>
#include <string>
#include <string_view>

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
};

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // One finished webhook request. `outcome` is the class of push/verdict.h, in lower case.
  void CountPushRequest(const std::string& consumer, std::string_view outcome, double seconds);
  void CountClaim(const std::string& consumer, std::string_view kind, size_t messages);
  // `result` as the database said it: ACKED, STALE, ...
  void CountSettle(const std::string& consumer, std::string_view result, size_t count = 1);
  void CountHttpRequest(std::string_view route, int status);
  void CountDatabaseLoss();
  void SetHttpConnectionsRefused(size_t total);
  void SetGauge(GaugeName name, double value);
  // The series of a consumer that was dropped.
  void ForgetConsumer(const std::string& consumer);

  std::string Text() const;

 private:
  struct Registry;
  std::unique_ptr<Registry> registry_;
};

}  // namespace sequin
