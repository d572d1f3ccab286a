// The queue port over the SQL functions of schema sequin. Never touches a table.
#pragma once

#include "pg/pool.h"
#include "queue/queue_port.h"

namespace sequin {

class PgQueue final : public QueuePort {
 public:
  explicit PgQueue(PgPool& pool) : pool_(pool) {}

  void ListConsumers(Answer<std::vector<ConsumerInfo>> answer) override;
  void Receive(int consumer, const std::vector<int>& sizes,
               std::optional<Millis> visibility_timeout,
               Answer<std::vector<Claim>> answer) override;
  void Settle(int consumer, const std::vector<const SettleItem*>& items,
              Answer<std::vector<SettleResult>> answer) override;
  void Extend(const std::string& consumer_id, const std::vector<std::string>& ack_ids,
              Millis visibility_timeout, Answer<std::vector<SettleResult>> answer) override;
  void NextDue(int consumer, Answer<std::optional<Millis>> answer) override;
  void ReadCapture(Answer<CaptureFacts> answer) override;
  void ReadConsumerFacts(Answer<std::vector<ConsumerFacts>> answer) override;

 private:
  PgPool& pool_;
};

}  // namespace sequin
