// Settling (settle.h).
#include "queue/settle.h"

#include "pg/memory.h"
#include "pg/own_writes.h"
#include "pg/planted.h"
#include "queue/backoff.h"
#include "queue/claim_session.h"
#include "queue/queue_locks.h"
#include "wake/wake.h"

namespace sequin {

// A claim is read as a whole unless it is much larger than what is asked about it.
static constexpr int32_t kReadWholeMax = 32;

Settler::Settler(const Consumer* consumer)
    : consumer_(consumer), memory_(MemoryOf(CurrentMemoryContext)), tables_(consumer->id) {}

// ---- the orders of a call, claim by claim ------------------------------------------------------

static int CompareOrders(const void* left, const void* right) {
  const AckId& a = (*static_cast<SettleOrder* const*>(left))->id;
  const AckId& b = (*static_cast<SettleOrder* const*>(right))->id;
  if (a.claim != b.claim) return a.claim < b.claim ? -1 : 1;
  if (a.nonce != b.nonce) return a.nonce < b.nonce ? -1 : 1;
  return a.position < b.position ? -1 : a.position > b.position ? 1 : 0;
}

template <typename Each>
void Settler::ForEachClaim(std::span<SettleOrder> orders, Each&& each) {
  auto** sorted = static_cast<SettleOrder**>(
      MemoryContextAllocHuge(CurrentMemoryContext, sizeof(SettleOrder*) * (orders.size() + 1)));
  size_t count = 0;
  for (SettleOrder& order : orders) {
    order.result = SettleResult::kUnknown;
    if (DecodeAckId(order.ack_id.data, &order.id)) sorted[count++] = &order;
  }
  // Always in the same order, so that two calls about the same claims do not wait in a circle.
  qsort(sorted, count, sizeof(SettleOrder*), CompareOrders);
  tables_.Open();
  MemoryContext each_claim = NewContext(CurrentMemoryContext, "sequin settle");
  for (size_t from = 0; from < count;) {
    size_t to = from + 1;
    while (to < count && sorted[to]->id.claim == sorted[from]->id.claim &&
           sorted[to]->id.nonce == sorted[from]->id.nonce) {
      to++;
    }
    memory_ = MemoryOf(each_claim);
    InContext(each_claim, [&] { each(std::span<SettleOrder*>{sorted + from, to - from}); });
    MemoryContextReset(each_claim);
    CHECK_FOR_INTERRUPTS();
    from = to;
  }
  tables_.Close();
  if (gave_back_) {
    WakeConsumerAtCommit(consumer_->id);
  } else if (settled_) {
    WakeAfterSettle(consumer_->id);
  }
}

void Settler::Settle(std::span<SettleOrder> orders) {
  ForEachClaim(orders, [&](std::span<SettleOrder*> claim) { SettleClaim(claim, kAtOnce); });
}

void Settler::Extend(std::span<SettleOrder> orders, int64 until) {
  ForEachClaim(orders, [&](std::span<SettleOrder*> claim) { SettleClaim(claim, until); });
}

void Settler::SettleClaim(std::span<SettleOrder*> orders, int64 extend_until) {
  int64 no = orders[0]->id.claim;
  for (;;) {
    TransactionId blocker = InvalidTransactionId;
    LockClaim(consumer_->id, no);
    bool done = TrySettleClaim(orders, extend_until, &blocker);
    UnlockClaim(consumer_->id, no);
    if (done) return;
    XactLockTableWait(blocker, nullptr, nullptr, XLTW_None);
  }
}

// ---- one claim, under its lock -----------------------------------------------------------------

bool Settler::TrySettleClaim(std::span<SettleOrder*> orders, int64 extend_until,
                             TransactionId* blocker) {
  const AckId& id = orders[0]->id;
  int64 void_from = VoidFrom(id.claim);
  bool needs_entries = void_from != PG_INT64_MAX;
  for (SettleOrder* order : orders) needs_entries |= order->outcome != Outcome::kAcked;
  ClaimRow claim{};
  const Entry* entries = nullptr;
  bool found = tables_.FindClaim(id.claim, needs_entries, [&](const ClaimRow& row) {
    claim = row;
    if (needs_entries && row.nonce == id.nonce) entries = Decode(row);
    return false;
  });
  if (!found || claim.nonce != id.nonce || claim.n == 0) {
    // A claim whose row is gone ended long ago; a number not given yet, or given again, is unknown.
    bool deleted = !found && id.claim > 0 && id.claim < Newest().no;
    for (SettleOrder* order : orders) {
      order->result = deleted ? SettleResult::kStale : SettleResult::kUnknown;
    }
    return true;
  }
  Settlement settlement(memory_, claim.n, entries, void_from);
  See(&settlement, claim, orders);
  auto* requests = memory_.NewArray<SettleRequest>(orders.size());
  for (size_t i = 0; i < orders.size(); i++) {
    requests[i] = {orders[i]->id.position, orders[i]->outcome, orders[i]->ready_at,
                   orders[i]->error, SettleResult::kUnknown};
    bool policy = orders[i]->by_policy && entries != nullptr && requests[i].pos < claim.n;
    if (policy)
      requests[i].ready_at = BackoffUntil(entries[requests[i].pos].attempts + 1, orders[i]->id);
  }
  *blocker = static_cast<TransactionId>(settlement.MustWaitFor(requests, orders.size()));
  if (TransactionIdIsValid(*blocker)) return false;
  if (extend_until == kAtOnce) {
    InsertDecided(&settlement, orders, requests, claim.no);
  } else {
    InsertExtension(&settlement, orders, requests, claim, extend_until);
  }
  return true;
}

void Settler::See(Settlement* settlement, const ClaimRow& claim, std::span<SettleOrder*> orders) {
  auto see = [&](const SettleRow& row) {
    settlement->See(row);
    return true;
  };
  bool only_acks = true;
  for (SettleOrder* order : orders) only_acks &= order->outcome == Outcome::kAcked;
  if (!only_acks || claim.n <= kReadWholeMax || orders.size() * 4 > static_cast<size_t>(claim.n)) {
    tables_.DirtySettles(claim.no, see);
    return;
  }
  settlement->SeePartly();
  tables_.DirtySettles(claim.no, PG_INT32_MIN, -1, see);
  for (SettleOrder* order : orders) {
    tables_.DirtySettles(claim.no, order->id.position, order->id.position, see);
  }
}

void Settler::InsertDecided(Settlement* settlement, std::span<SettleOrder*> orders,
                            SettleRequest* requests, int64 claim_no) {
  settlement->Decide(requests, orders.size());
  for (size_t i = 0; i < orders.size(); i++) orders[i]->result = requests[i].result;
  WithOwnOrigin([&] {
    for (const SettleInsert& insert : settlement->inserts()) {
      if (Planted("ack_unwritten") && claim_no % 16 == 0) continue;
      tables_.InsertSettle(claim_no, insert.pos, insert.outcome, insert.outcome == Outcome::kAcked,
                           insert.ready_at, insert.error);
    }
  });
  settled_ |= !settlement->inserts().empty();
  for (const SettleInsert& insert : settlement->inserts()) {
    gave_back_ |= insert.outcome != Outcome::kAcked;
  }
}

void Settler::InsertExtension(Settlement* settlement, std::span<SettleOrder*> orders,
                              SettleRequest* requests, const ClaimRow& claim, int64 until) {
  // What would an ack be told? The claim is extended when it would still be accepted.
  bool any = false;
  for (size_t i = 0; i < orders.size(); i++) {
    orders[i]->result = settlement->Peek(requests[i].pos);
    any |= orders[i]->result == SettleResult::kDone;
  }
  if (Planted("extend_ignored")) return;
  if (!any || until <= Max(claim.expires, settlement->extended_to())) return;
  int32_t pos = Min(settlement->lowest_pos() - 1, kFirstExtendPos);
  WithOwnOrigin([&] { tables_.InsertSettle(claim.no, pos, Outcome::kExtended, true, until, {}); });
}

const Entry* Settler::Decode(const ClaimRow& claim) {
  Entry* entries = memory_.NewArray<Entry>(static_cast<size_t>(claim.n));
  EntryReader reader(claim.entries.data(), claim.entries.size(), 0);
  int32_t count = 0;
  while (count < claim.n && reader.Read(&entries[count])) count++;
  if (count < claim.n) tables_.Damaged("claim", claim.no);
  return entries;
}

const ClaimRow& Settler::Newest() {
  if (!newest_known_) {
    tables_.NewestClaim([&](const ClaimRow& row) {
      newest_ = row;
      return false;
    });
    newest_known_ = true;
  }
  return newest_;
}

// From which ordinal on the entries of a claim were overtaken by rewinds after it.
int64 Settler::VoidFrom(int64 claim_no) {
  int64 from = PG_INT64_MAX;
  int64 rewind = Newest().rewind ? Newest().no : Newest().last_rewind;
  while (rewind > claim_no) {
    int64 earlier = 0;
    tables_.FindClaim(rewind, false, [&](const ClaimRow& row) {
      from = Min(from, row.keep);
      earlier = row.last_rewind;
      return false;
    });
    rewind = earlier;
  }
  return from;
}

int64 Settler::BackoffUntil(int32 attempts, const AckId& id) const {
  int64 delay =
      consumer_->backoff_count > 0
          ? ListedDelay(consumer_->backoff_ms, consumer_->backoff_count, attempts) * 1000
          : BackoffDelay(consumer_->backoff_base_ms * 1000, consumer_->backoff_max_ms * 1000,
                         attempts, JitterOf(id.nonce, id.position));
  return delay == 0 ? kAtOnce : GetCurrentTimestamp() + delay;
}

}  // namespace sequin
