// Wake through shared memory (wake.h).
#include "wake/wake.h"

#include "capture/shared_state.h"
#include "pg/monotonic.h"

namespace sequin {

// What the current transaction wakes when it commits: consumers, few in practice. More than fit
// wake everybody, which is only slower.
struct PendingWakes {
  int32 consumers[32];
  bool if_it_matters[32];  // only if settles matter to the consumer
  int count;
  bool all;
  bool definitions;
};
static PendingWakes pending;
static bool callback_registered = false;

static uint32 SlotOf(int32 consumer) {
  // Consecutive consumers of one database get different slots: up to kWakeSlots never collide.
  return (static_cast<uint32>(consumer) + MyDatabaseId * 2654435761u) % kWakeSlots;
}

uint32 WakeGeneration(int32 consumer) {
  SharedState* shared = RequireShared();
  uint32 generation = pg_atomic_read_u32(&shared->wakes[SlotOf(consumer)].generation);
  pg_memory_barrier();
  return generation;
}

bool WaitForWake(int32 consumer, uint32 generation, long timeout_ms) {
  WakeSlot* slot = &RequireShared()->wakes[SlotOf(consumer)];
  int64 deadline = MonotonicMicros() + int64{timeout_ms} * 1000;
  bool woken = false;
  ConditionVariablePrepareToSleep(&slot->waiters);
  for (;;) {
    woken = pg_atomic_read_u32(&slot->generation) != generation;
    long left = MillisecondsUntil(deadline);
    if (woken || left <= 0) break;
    ConditionVariableTimedSleep(&slot->waiters, left, PG_WAIT_EXTENSION);
  }
  ConditionVariableCancelSleep();
  return woken;
}

void ArmNotify(int32 consumer) {
  RequireShared();
  DatabaseState* database = FindDatabase(MyDatabaseId, false);
  if (database == nullptr) return;
  pg_atomic_write_u32(&database->armed[SlotOf(consumer)], static_cast<uint32>(consumer));
  pg_memory_barrier();
}

void WakeConsumer(int32 consumer) {
  SharedState* shared = Shared();
  if (shared == nullptr) return;
  uint32 index = SlotOf(consumer);
  pg_atomic_fetch_add_u32(&shared->wakes[index].generation, 1);
  ConditionVariableBroadcast(&shared->wakes[index].waiters);
  DatabaseState* database = FindDatabase(MyDatabaseId, false);
  if (database == nullptr) return;
  if (pg_atomic_read_u32(&database->armed[index]) != 0 &&
      pg_atomic_exchange_u32(&database->armed[index], 0) != 0) {
    pg_atomic_write_u32(&database->notify_due[index], static_cast<uint32>(consumer));
    WakeWorker(database);
  }
}

void WakeEverybody() {
  SharedState* shared = Shared();
  if (shared == nullptr) return;
  for (WakeSlot& slot : shared->wakes) {
    pg_atomic_fetch_add_u32(&slot.generation, 1);
    ConditionVariableBroadcast(&slot.waiters);
  }
  DatabaseState* database = FindDatabase(MyDatabaseId, false);
  if (database == nullptr) return;
  bool any = false;
  for (int i = 0; i < kWakeSlots; i++) {
    uint32 consumer = pg_atomic_read_u32(&database->armed[i]) != 0
                          ? pg_atomic_exchange_u32(&database->armed[i], 0)
                          : 0;
    if (consumer == 0) continue;
    pg_atomic_write_u32(&database->notify_due[i], consumer);
    any = true;
  }
  if (any) WakeWorker(database);
}

// A slot that two consumers share is never cleared, which only costs needless looks.
void SetWaitsForSettles(int32 consumer, bool waits) {
  if (Shared() == nullptr) return;
  pg_atomic_uint32* owner = &Shared()->wakes[SlotOf(consumer)].waits_for_settles;
  uint32 self = static_cast<uint32>(consumer);
  if (!waits) {
    uint32 expected = self;
    pg_atomic_compare_exchange_u32(owner, &expected, 0);
    return;
  }
  uint32 before = 0;
  bool set = pg_atomic_compare_exchange_u32(owner, &before, self);
  if (!set && before != self) pg_atomic_exchange_u32(owner, kSeveralConsumers);
  pg_memory_barrier();
}

static bool WaitsForSettles(int32 consumer) {
  if (Shared() == nullptr) return false;
  pg_memory_barrier();
  uint32 owner = pg_atomic_read_u32(&Shared()->wakes[SlotOf(consumer)].waits_for_settles);
  return owner == static_cast<uint32>(consumer) || owner == kSeveralConsumers;
}

static void AtTransactionEnd(XactEvent event, void*) {
  if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_PARALLEL_COMMIT) {
    for (int i = 0; i < pending.count; i++) {
      if (!pending.if_it_matters[i] || WaitsForSettles(pending.consumers[i])) {
        WakeConsumer(pending.consumers[i]);
      }
    }
    DatabaseState* database = FindDatabase(MyDatabaseId, false);
    if (pending.all) WakeEverybody();
    if (pending.definitions && database != nullptr) {
      pg_atomic_write_u32(&database->definitions_changed, 1);
      WakeWorker(database);
    }
  } else if (event != XACT_EVENT_ABORT && event != XACT_EVENT_PARALLEL_ABORT &&
             event != XACT_EVENT_PREPARE) {
    return;
  }
  pending = PendingWakes{};
}

static void RegisterOnce() {
  if (!callback_registered) RegisterXactCallback(AtTransactionEnd, nullptr);
  callback_registered = true;
}

static void AddPending(int32 consumer, bool if_it_matters) {
  RegisterOnce();
  for (int i = 0; i < pending.count; i++) {
    if (pending.consumers[i] != consumer) continue;
    pending.if_it_matters[i] = pending.if_it_matters[i] && if_it_matters;
    return;
  }
  if (pending.count == lengthof(pending.consumers)) {
    pending.all = true;
  } else {
    pending.if_it_matters[pending.count] = if_it_matters;
    pending.consumers[pending.count++] = consumer;
  }
}

void WakeConsumerAtCommit(int32 consumer) {
  AddPending(consumer, false);
}

void WakeAfterSettle(int32 consumer) {
  AddPending(consumer, true);
}

void WakeDefinitionsAtCommit() {
  RegisterOnce();
  pending.definitions = true;
}

}  // namespace sequin
