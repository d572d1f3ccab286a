// Merges the settles of one consumer: while one statement is under way the next ones collect.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "queue/queue_port.h"

namespace sequin {

// The number of items queued or under way in all settlers of the agent.
struct SettleLoad {
  size_t items = 0;
  size_t items_max = 20000;
  bool full() const { return items >= items_max; }
};

class Settler {
 public:
  // One text per item, in the order of the items.
  using OnSettled = std::function<void(Result<std::vector<std::string>>)>;

  Settler(Clock& clock, QueuePort& queue, int consumer, size_t items_per_statement,
          SettleLoad& load);
  ~Settler();

  // All items of one call go in one statement. A statement whose answer was lost is said again
  // until `give_up_at`: settling twice changes nothing.
  void Settle(std::vector<SettleItem> items, SteadyTime give_up_at, OnSettled on_settled);

  // Not answered by the database yet.
  size_t items() const { return items_; }
  bool idle() const { return waiting_.empty() && under_way_.empty(); }

 private:
  struct Ticket {
    std::vector<SettleItem> items;
    SteadyTime give_up_at;
    OnSettled on_settled;
  };
  using Tickets = std::deque<Ticket>;
  class ResultsById;

  void Pump();
  Tickets TakeTickets();
  void OnAnswer(Result<std::vector<SettleResult>> answer);
  void Retry(const Error& error);
  void Finish(Tickets tickets,
              const std::function<Result<std::vector<std::string>>(const Ticket&)>& result_of);

  Clock& clock_;
  QueuePort& queue_;
  int consumer_;
  size_t items_per_statement_;
  SettleLoad& load_;
  size_t items_ = 0;
  Tickets waiting_;
  Tickets under_way_;
  Backoff backoff_;
  std::unique_ptr<Alarm> retry_;
  std::shared_ptr<Settler*> self_;
};

}  // namespace sequin
