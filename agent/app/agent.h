// The agent: builds all parts in the order of their dependencies, and stops them in one place.
#pragma once

#include <memory>
#include <string>

#include "config/settings.h"
#include "http/server.h"
#include "loop/event_loop.h"
#include "loop/signal_watcher.h"
#include "metrics/database_reader.h"
#include "metrics/metrics.h"
#include "pg/pool.h"
#include "pull/puller.h"
#include "push/curl_transport.h"
#include "push/pusher.h"
#include "queue/consumer_directory.h"
#include "queue/pg_queue.h"

namespace sequin {

class Agent {
 public:
  explicit Agent(AgentSettings settings);

  // Runs until it was told to stop. The exit status: 0 after a clean stop, 1 when the time for it
  // was over with work left, 2 when it could not start.
  int Run();

 private:
  enum class Phase { kRunning, kDraining, kClosing, kDone };

  void OnDatabaseReady();
  void OnDatabaseLost(const Error& error);
  void OnNotify(const std::string& payload);
  void OnPoll();
  void OnDefinitions();
  Puller::Health Health() const;
  std::string MetricsText();
  void OnStopSignal();
  void Stop();
  void StopStep();
  void Finish(int status);

  AgentSettings settings_;
  EventLoop loop_;
  Metrics metrics_;
  PayloadBudget budget_;
  SettleLoad settle_load_;
  RequestSlots slots_;
  CurlTransport transport_;
  PgPool pool_;
  PgConnection listener_;
  PgQueue queue_;
  PushContext push_context_;
  PullContext pull_context_;
  Pusher pusher_;
  ConsumerDirectory directory_;
  DatabaseReader database_reader_;
  Puller puller_;
  HttpServer server_;
  std::unique_ptr<Alarm> poll_;
  std::unique_ptr<Alarm> stop_step_;
  int polls_ = 0;
  bool database_told_ = false;  // whether the present state of the database was logged
  Phase phase_ = Phase::kRunning;
  SteadyTime stop_requests_at_;
  SteadyTime give_up_at_;
  int status_ = 0;
};

}  // namespace sequin
