// Getting the slot that the log goes on with (slot_recovery.h).
#include "capture/slot_recovery.h"

#include "capture/place.h"
#include "capture/shared_state.h"
#include "capture/wal_source.h"
#include "decode/routing.h"
#include "pg/crash_point.h"
#include "pg/table.h"
#include "pg/transaction.h"

namespace sequin {
namespace {

// So often the WAL behind a slot could not be read before the slot is given up for it.
constexpr int kWalFailuresMax = 5;

const char* WhyMissing(const Appender& log) {
  if (!log.SamePlace() && !(StartedAsStandby() && !log.SameTimeline())) {
    return "the database was restored or copied without its replication slot";
  }
  if (!log.SameTimeline()) return "the server was promoted without the replication slot";
  return "the replication slot was dropped";
}

// Why the slot cannot be gone on with; nullptr: it can.
const char* WhyUseless(const Appender* log, DatabaseState* state) {
  const char* invalid = WhySlotIsInvalid(MyReplicationSlot);
  if (invalid != nullptr) return invalid;
  LWLockAcquire(Shared()->lock, LW_SHARED);
  bool unreadable = state->wal_failures >= kWalFailuresMax;
  LWLockRelease(Shared()->lock);
  if (unreadable) return "the WAL that was to be captured is missing or damaged";
  if (log == nullptr) return nullptr;
  if (log->ExpectsNewSlot()) return WhyMissing(*log);
  // Of what the slot was confirmed for, a promoted standby may not have got the rows.
  if (!log->SameTimeline() && MyReplicationSlot->data.confirmed_flush > log->progress().lsn) {
    return "the server was promoted with a replication slot that is ahead of the log";
  }
  return nullptr;
}

// Somebody has moved the slot: farther than it is ever confirmed without a trace in the log.
bool WasAdvanced(const Appender& log) {
  XLogRecPtr limit = log.progress().confirm_limit;
  return !XLogRecPtrIsInvalid(limit) && MyReplicationSlot->data.confirmed_flush > limit;
}

void ReadDefinitions(Vec<PresentDefinition>* definitions) {
  Relation table = OpenOwnTable("consumer", AccessShareLock);
  TupleDesc columns = RelationGetDescr(table);
  ScanPrimaryKey(table, GetActiveSnapshot(), {}, Direction::kForward, [&](HeapTuple row) {
    const char* text = DefinitionText(columns, row, nullptr);
    definitions->push({ConsumerIdOf(columns, row), MemoryContextStrdup(TopMemoryContext, text)});
    return true;
  });
  table_close(table, AccessShareLock);
}

void ForgetWalFailures(DatabaseState* state) {
  LWLockAcquire(Shared()->lock, LW_EXCLUSIVE);
  state->wal_failures = 0;
  LWLockRelease(Shared()->lock);
}

void MakeSlot(const char* name, Appender* log, DatabaseState* state, TakenSlot* taken) {
  if (log != nullptr) log->ExpectNewSlot();
  pg_atomic_write_u32(&state->state, static_cast<uint32>(WorkerState::kCreatingSlot));
  taken->made = true;
  taken->definitions.context = TopMemoryContext;
  taken->gap.to = CreateSlot(name, [&] {
    if (log != nullptr) ReadDefinitions(&taken->definitions);
  });
  ReplicationSlotRelease();
  CrashPoint("capture.slot_made");
  ForgetWalFailures(state);
}

}  // namespace

TakenSlot TakeSlot(const char* name, Appender* log, DatabaseState* state) {
  TakenSlot taken{};
  const char* reason = nullptr;
  if (SlotExists(name)) {
    AcquireSlot(name);
    reason = WhyUseless(log, state);
    if (reason == nullptr) {
      taken.behind_gap = log != nullptr && WasAdvanced(*log);
      taken.gap = {log ? log->progress().lsn : InvalidXLogRecPtr,
                   MyReplicationSlot->data.confirmed_flush, -1,
                   "the replication slot was found ahead of the log"};
      return taken;
    }
    ereport(LOG, errmsg("sequin makes replication slot \"%s\" anew: %s", name, reason));
    DropAcquiredSlot();
  } else if (log != nullptr) {
    reason = WhyMissing(*log);
  }
  taken.behind_gap = log != nullptr;
  MakeSlot(name, log, state, &taken);
  if (log != nullptr) taken.gap.from = log->progress().lsn;
  taken.gap.transactions = -1;
  taken.gap.reason = reason;
  AcquireSlot(name);
  return taken;
}

}  // namespace sequin
