// What the agent asks of the queue. The real one calls SQL functions (pg_queue.h); tests bring one
// that lives in memory. Callbacks never run inside the call that takes them.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/result.h"
#include "queue/database_facts.h"
#include "queue/types.h"

namespace sequin {

class QueuePort {
 public:
  template <typename T>
  using Answer = std::function<void(Result<T>)>;

  virtual ~QueuePort() = default;

  virtual void ListConsumers(Answer<std::vector<ConsumerInfo>> answer) = 0;

  // One claim for each element of `sizes`, in that order; each claim may come back smaller or
  // empty. If fewer messages came than asked for, the database sends a wake when that may change.
  virtual void Receive(int consumer, const std::vector<int>& sizes,
                       std::optional<Millis> visibility_timeout,
                       Answer<std::vector<Claim>> answer) = 0;

  // The items are read before this returns. One result for each, in any order.
  virtual void Settle(int consumer, const std::vector<const SettleItem*>& items,
                      Answer<std::vector<SettleResult>> answer) = 0;

  virtual void Extend(const std::string& consumer_id, const std::vector<std::string>& ack_ids,
                      Millis visibility_timeout, Answer<std::vector<SettleResult>> answer) = 0;

  // How long until parked messages or expiring claims may make work; nothing = no such time.
  virtual void NextDue(int consumer, Answer<std::optional<Millis>> answer) = 0;

  // For the metrics. The first one fails with SQLSTATE 42883 on an extension that lacks it.
  virtual void ReadCapture(Answer<CaptureFacts> answer) = 0;
  virtual void ReadConsumerFacts(Answer<std::vector<ConsumerFacts>> answer) = 0;
};

}  // namespace sequin
