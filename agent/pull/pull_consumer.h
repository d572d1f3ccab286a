// Serves one pull consumer: waiting receive requests on one side, merged claims on the other.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include "http/exchange.h"
#include "metrics/metrics.h"
#include "pull/arguments.h"
#include "pull/waiter_queue.h"
#include "queue/consumer_feed.h"
#include "queue/payload_budget.h"
#include "queue/settler.h"

namespace sequin {

struct PullSettings {
  size_t waiters_max = 10000;            // in the whole agent
  size_t claims_per_statement_max = 64;  // clients served by one statement
  size_t settle_items_max = 1000;
  Millis settle_retry{10000};  // how long a client waits out a lost database
};

// What all pull consumers share.
struct PullContext {
  Clock& clock;
  QueuePort& queue;
  PayloadBudget& budget;
  SettleLoad& settle_load;
  Metrics& metrics;
  PullSettings settings;
  size_t waiters = 0;
};

class PullConsumer final : public FeedOwner {
 public:
  using OnResults = std::function<void(Result<std::vector<std::string>>)>;

  PullConsumer(PullContext& context, ConsumerInfo info);
  ~PullConsumer() override;

  void Receive(const ReceiveArguments& arguments, ExchangePtr exchange);
  void Settle(std::vector<SettleItem> items, OnResults on_results);
  void Wake();

  // Answers who waits with no messages and claims no more.
  void Drain();
  // The consumer is gone: who waits gets 404.
  void Retire();
  bool idle() const { return waiters_.empty() && settler_.idle() && !feed_.claiming(); }
  const ConsumerInfo& info() const { return info_; }
  void Update(ConsumerInfo info);

  Demand NextDemand() override;
  void OnClaims(std::vector<Claim> claims, SteadyTime asked_at) override;
  void OnReceiveFailed(const Error& error) override;

 private:
  struct Waiter {
    ExchangePtr exchange;
    SteadyTime until;
    std::unique_ptr<Alarm> alarm;  // none for one that does not wait
  };

  void Answer(WaiterId id, HttpResponse response, std::function<void(bool)> on_sent = nullptr);
  void AnswerMessages(WaiterId id, Claim claim);
  void AnswerAll(const HttpResponse& response);
  void OnDeadline(WaiterId id);
  void Release(std::vector<std::string> ack_ids);
  void Remove(WaiterId id);

  PullContext& context_;
  ConsumerInfo info_;
  std::shared_ptr<ConsumerMetrics> metrics_;
  WaiterQueue queue_;
  std::unordered_map<WaiterId, Waiter> waiters_;
  WaiterId next_id_ = 1;
  std::unique_ptr<Alarm> ask_again_;
  Settler settler_;
  ConsumerFeed feed_;
  std::shared_ptr<PullConsumer*> self_;
};

// The status an error is told with.
HttpResponse ResponseOf(const Error& error);

}  // namespace sequin
