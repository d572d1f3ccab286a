// Settling: ack, nack, release, dead-letter and extend, by ack_id.
//
// Inserts only, so it can be part of the client's transaction under every isolation level and may
// be prepared or rolled back. The one thing it waits for is another open settle of the same entry.
#pragma once

#include "catalog/consumer.h"
#include "queue/ack_id.h"
#include "queue/queue_tables.h"
#include "queue/settlement.h"

namespace sequin {

struct SettleOrder {
  pg_uuid_t ack_id;
  Outcome outcome;
  bool by_policy;  // nack: rest as long as the consumer's backoff says
  int64 ready_at;  // nack: not before
  std::string_view error;
  SettleResult result;
  AckId id;  // decoded
};

class Settler {
 public:
  explicit Settler(const Consumer* consumer);

  void Settle(std::span<SettleOrder> orders);
  // Their claims do not expire before `until`. An extension never makes the time shorter.
  void Extend(std::span<SettleOrder> orders, int64 until);

 private:
  // Orders of one claim, found under its lock, with the lock let go whenever it must wait.
  void SettleClaim(std::span<SettleOrder*> orders, int64 extend_until);
  bool TrySettleClaim(std::span<SettleOrder*> orders, int64 extend_until, TransactionId* blocker);
  void InsertDecided(Settlement* settlement, std::span<SettleOrder*> orders,
                     SettleRequest* requests, int64 claim_no);
  void InsertExtension(Settlement* settlement, std::span<SettleOrder*> orders,
                       SettleRequest* requests, const ClaimRow& claim, int64 until);
  void See(Settlement* settlement, const ClaimRow& claim, std::span<SettleOrder*> orders);
  const Entry* Decode(const ClaimRow& claim);
  const ClaimRow& Newest();
  int64 VoidFrom(int64 claim_no);
  int64 BackoffUntil(int32 attempts, const AckId& id) const;
  template <typename Each>
  void ForEachClaim(std::span<SettleOrder> orders, Each&& each);

  const Consumer* consumer_;
  Memory memory_;
  QueueTables tables_;
  bool newest_known_ = false;
  ClaimRow newest_{};
  bool settled_ = false;
  bool gave_back_ = false;
};

}  // namespace sequin
