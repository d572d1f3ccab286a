// The HTTP face of the agent: routes requests to pull consumers, health and metrics.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "pull/pull_consumer.h"
#include "pull/routes.h"
#include "queue/consumer_directory.h"

namespace sequin {

class Puller {
 public:
  struct Health {
    bool ok = true;
    std::string reason = {};
  };
  struct Probes {
    std::function<Health()> health;
    // Calls back with the text, maybe at once.
    std::function<void(std::function<void(std::string)>)> metrics;
  };

  Puller(PullContext& context, ConsumerDirectory& directory, Probes probes);

  void Handle(HttpRequest request, ExchangePtr exchange);
  void Reconcile(const std::vector<ConsumerInfo>& consumers);
  void Wake(int consumer);
  void WakeAll();

  // Answers everybody who waits; new receive requests get no messages. Settles still work.
  void Drain();
  bool idle() const;

 private:
  void HandlePull(const Route& route, const HttpRequest& request, const ExchangePtr& exchange);
  void OnConsumer(const Route& route, const HttpRequest& request, const ExchangePtr& exchange,
                  const ConsumerInfo& info);
  void HandleSettle(const Route& route, const HttpRequest& request, const ExchangePtr& exchange,
                    PullConsumer& consumer);
  void Extend(const PullConsumer& consumer, const SettleArguments& arguments,
              const ExchangePtr& exchange);
  void Respond(std::string_view route, const ExchangePtr& exchange, HttpResponse response);
  void Retire(std::unique_ptr<PullConsumer> consumer);
  void Reap();

  PullContext& context_;
  ConsumerDirectory& directory_;
  Probes probes_;
  std::map<int, std::unique_ptr<PullConsumer>> consumers_;
  std::vector<std::unique_ptr<PullConsumer>> retired_;  // until they are idle
  std::unique_ptr<Alarm> reap_;
  size_t extends_ = 0;  // under way
  bool draining_ = false;
};

}  // namespace sequin
