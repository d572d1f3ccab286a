// SQL functions that start, stop and show capture (api/capture.sql).
#include "capture/control.h"

#include "capture/names.h"
#include "capture/place.h"
#include "capture/shared_state.h"
#include "capture/wal_source.h"
#include "pg/monotonic.h"
#include "pg/table.h"
#include "pg/transaction.h"
#include "pg/version.h"
#include "wake/wake.h"

namespace sequin {

// What the current transaction did last, and in which of its subtransactions: 0 is none.
static int halted_at = 0;
static int resumed_at = 0;
static bool callback_registered = false;

static void SetWanted(DatabaseState* state, Wanted wanted) {
  LWLockAcquire(Shared()->lock, LW_EXCLUSIVE);
  state->wanted = wanted;
  state->failures = 0;
  state->next_start_at = 0;
  LWLockRelease(Shared()->lock);
  WakeLauncher();
}

static void Resume() {
  if (DatabaseState* state = FindDatabase(MyDatabaseId, false)) SetWanted(state, Wanted::kRunning);
}

static void AtTransactionEnd(XactEvent event, void*) {
  bool commit = event == XACT_EVENT_COMMIT;
  if (!commit && event != XACT_EVENT_ABORT) return;
  if (commit ? resumed_at > 0 : halted_at > 0) Resume();
  halted_at = resumed_at = 0;
}

// ROLLBACK TO SAVEPOINT takes back what was done behind it; RELEASE leaves it to the level above.
static void AtSubtransactionEnd(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  int level = GetCurrentTransactionNestLevel();
  if (event == SUBXACT_EVENT_ABORT_SUB) {
    if (halted_at >= level) Resume();
    if (halted_at >= level) halted_at = 0;
    if (resumed_at >= level) resumed_at = 0;
  } else if (event == SUBXACT_EVENT_COMMIT_SUB) {
    if (halted_at >= level) halted_at = level - 1;
    if (resumed_at >= level) resumed_at = level - 1;
  }
}

static void RegisterOnce() {
  if (callback_registered) return;
  RegisterXactCallback(AtTransactionEnd, nullptr);
  RegisterSubXactCallback(AtSubtransactionEnd, nullptr);
  callback_registered = true;
}

// ---- ensure -------------------------------------------------------------------------------------

static bool HasProgress() {
  bool found = false;
  Relation table = OpenOwnTable("progress", AccessShareLock);
  Snapshot snapshot = TakeSnapshot();
  ScanPrimaryKey(table, snapshot, {}, Direction::kForward, [&](HeapTuple) {
    found = true;
    return false;
  });
  ReleaseSnapshot(snapshot);
  table_close(table, AccessShareLock);
  return found;
}

static void CheckServer() {
  RequireShared();
  RequireVersion();
  if (wal_level < WAL_LEVEL_LOGICAL) {
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("capture needs wal_level = logical"),
            errhint("ALTER SYSTEM SET wal_level = 'logical'; then restart the server."));
  }
  if (RecoveryInProgress()) {
    ereport(ERROR, errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
            errmsg("capture cannot be started on a standby"));
  }
}

static void RaiseFailure(DatabaseState* state) {
  LWLockAcquire(Shared()->lock, LW_EXCLUSIVE);
  char message[kErrorTextBytes];
  strlcpy(message, state->last_error, sizeof(message));
  state->create_slot = false;
  LWLockRelease(Shared()->lock);
  ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
          errmsg("capture could not be started: %s", message),
          errhint("\"sequin doctor\" explains what is missing."));
}

// The launcher frees a record that nobody wants: perhaps the one that was just found.
static DatabaseState* AskForSlot() {
  for (;;) {
    DatabaseState* state = FindDatabase(MyDatabaseId, true);
    LWLockAcquire(Shared()->lock, LW_EXCLUSIVE);
    bool ours = state->database == MyDatabaseId;
    if (ours) {
      state->create_slot = true;
      state->wanted = Wanted::kRunning;
      state->failures = 0;
      state->next_start_at = 0;
    }
    LWLockRelease(Shared()->lock);
    if (!ours) continue;
    WakeLauncher();
    return state;
  }
}

static bool HasSlot() {
  return SlotExists(SlotNameOf(MyDatabaseId).text);
}

// Waits until the worker has made the slot and works. The slot is consistent when all transactions
// that were running have ended, so ours must not have written yet: it would wait for itself.
static void WaitUntilRunning() {
  if (TransactionIdIsValid(GetTopTransactionIdIfAny())) {
    ereport(ERROR, errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
            errmsg("capture cannot be started in a transaction that has already written"),
            errhint("Run SELECT sequin.start(); in a transaction of its own first."));
  }
  TimestampTz asked_at = GetCurrentTimestamp();
  DatabaseState* state = AskForSlot();
  ConditionVariablePrepareToSleep(&state->changed);
  for (;;) {
    auto now = static_cast<WorkerState>(pg_atomic_read_u32(&state->state));
    if (now == WorkerState::kRunning) break;
    if (now == WorkerState::kFailed && state->last_error_at > asked_at) {
      ConditionVariableCancelSleep();
      RaiseFailure(state);
    }
    ConditionVariableTimedSleep(&state->changed, 100, PG_WAIT_EXTENSION);
  }
  ConditionVariableCancelSleep();
}

static void EnsureCapture() {
  CheckServer();
  if (!HasSlot() || !HasProgress()) WaitUntilRunning();
}

// The database was captured, but in another place, and nobody said that it is to be captured here.
static bool IsUncapturedCopy() {
  if (HasSlot() || !HasProgress()) return false;
  DatabaseState* state = FindDatabase(MyDatabaseId, false);
  if (state != nullptr && (state->registered || state->create_slot)) return false;
  CaptureHome home = FindCaptureHome();
  return !home.here && !home.promoted;
}

// ---- sync ---------------------------------------------------------------------------------------

static bool Passed(DatabaseState* state, XLogRecPtr target) {
  return pg_atomic_read_u64(&state->passed) >= target;
}

static void WaitUntilPassed(DatabaseState* state, XLogRecPtr target, long timeout_ms) {
  int64 deadline = MonotonicMicros() + int64{timeout_ms} * 1000;
  while (!Passed(state, target)) {
    long left = MillisecondsUntil(deadline);
    if (left <= 0) {
      ereport(ERROR, errcode(ERRCODE_QUERY_CANCELED),
              errmsg("capture has not passed %X/%X in time", LSN_FORMAT_ARGS(target)),
              errhint("TABLE sequin.status shows what it is doing."));
    }
    // A commit of an idle database does not always wake it: the last one may not be of interest.
    WakeWorker(state);
    ConditionVariableTimedSleep(&state->passed_on, Min(left, 20L), PG_WAIT_EXTENSION);
  }
}

// ---- status -------------------------------------------------------------------------------------

static const char* StateText(const DatabaseState* state, bool slot) {
  if (state != nullptr) {
    if (state->wanted == Wanted::kStopped) return "stopped";
    if (state->away_count > 0) return "suspended";
    switch (static_cast<WorkerState>(
        pg_atomic_read_u32(const_cast<pg_atomic_uint32*>(&state->state)))) {
      case WorkerState::kRunning:
        return "running";
      case WorkerState::kStarting:
        return "starting";
      case WorkerState::kCreatingSlot:
        return "creating slot";
      case WorkerState::kFailed:
        return "failing";
      case WorkerState::kNone:
        break;
    }
  }
  return slot ? "starting" : "not started";
}

struct SlotPosition {
  bool exists;
  XLogRecPtr confirmed;
};

static SlotPosition PositionOfSlot(const char* name) {
  SlotPosition position{};
  LWLockAcquire(ReplicationSlotControlLock, LW_SHARED);
  ReplicationSlot* slot = SearchNamedReplicationSlot(name, false);
  if (slot != nullptr) {
    SpinLockAcquire(&slot->mutex);
    position = {true, slot->data.confirmed_flush};
    SpinLockRelease(&slot->mutex);
  }
  LWLockRelease(ReplicationSlotControlLock);
  return position;
}

// Age of what was appended last, while commits wait behind it.
static double LagSeconds(DatabaseState* state) {
  if (pg_atomic_read_u64(&state->decoded) >= pg_atomic_read_u64(&state->last_commit)) return 0;
  auto last = static_cast<TimestampTz>(pg_atomic_read_u64(&state->commit_time));
  if (last == 0) return 0;
  return Max(0.0, static_cast<double>(GetCurrentTimestamp() - last) / USECS_PER_SEC);
}

}  // namespace sequin

using namespace sequin;

extern "C" {

PG_FUNCTION_INFO_V1(sequin_capture_ensure);
Datum sequin_capture_ensure(PG_FUNCTION_ARGS) {
  EnsureCapture();
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_capture_recover);
Datum sequin_capture_recover(PG_FUNCTION_ARGS) {
  CheckServer();
  DatabaseState* state = FindDatabase(MyDatabaseId, true);
  bool runs = state->wanted == Wanted::kRunning &&
              pg_atomic_read_u32(&state->state) == static_cast<uint32>(WorkerState::kRunning);
  if (!runs || !HasSlot()) WaitUntilRunning();
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_capture_is_copy);
Datum sequin_capture_is_copy(PG_FUNCTION_ARGS) {
  PG_RETURN_BOOL(IsUncapturedCopy());
}

PG_FUNCTION_INFO_V1(sequin_capture_halt);
Datum sequin_capture_halt(PG_FUNCTION_ARGS) {
  RequireShared();
  DatabaseState* state = FindDatabase(MyDatabaseId, true);
  RegisterOnce();
  if (halted_at == 0) halted_at = GetCurrentTransactionNestLevel();
  resumed_at = 0;
  LWLockAcquire(Shared()->lock, LW_EXCLUSIVE);
  state->wanted = Wanted::kStopped;
  LWLockRelease(Shared()->lock);
  ConditionVariablePrepareToSleep(&state->changed);
  for (;;) {
    int pid = state->worker_pid;
    if (pid == 0 &&
        pg_atomic_read_u32(&state->state) != static_cast<uint32>(WorkerState::kStarting)) {
      break;
    }
    if (pid != 0) kill(pid, SIGTERM);
    ConditionVariableTimedSleep(&state->changed, 100, PG_WAIT_EXTENSION);
  }
  ConditionVariableCancelSleep();
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_capture_resume);
Datum sequin_capture_resume(PG_FUNCTION_ARGS) {
  RequireShared();
  FindDatabase(MyDatabaseId, true);
  RegisterOnce();
  resumed_at = GetCurrentTransactionNestLevel();
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_capture_definitions_changed);
Datum sequin_capture_definitions_changed(PG_FUNCTION_ARGS) {
  WakeDefinitionsAtCommit();
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_sync);
Datum sequin_sync(PG_FUNCTION_ARGS) {
  RequireShared();
  PreventCommandDuringRecovery("sequin.sync()");
  if (TransactionIdIsValid(GetTopTransactionIdIfAny())) {
    ereport(ERROR, errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
            errmsg("sequin.sync() cannot wait for the transaction it is called in"),
            errhint("Commit first."));
  }
  Interval* timeout = PG_GETARG_INTERVAL_P(0);
  int64 day_count = timeout->day + timeout->month * INT64CONST(30);
  long timeout_ms = static_cast<long>(timeout->time / 1000 + day_count * INT64CONST(86400000));
  DatabaseState* state = FindDatabase(MyDatabaseId, false);
  if (state == nullptr) {
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("capture is not running in this database"), errhint("SELECT sequin.start();"));
  }
  XLogRecPtr target = XactLastCommitEnd;
  if (XLogRecPtrIsInvalid(target)) PG_RETURN_LSN(pg_atomic_read_u64(&state->passed));
  XLogFlush(target);
  pg_atomic_fetch_add_u32(&state->sync_waiters, 1);
  WithCleanup([&] { WaitUntilPassed(state, target, timeout_ms); },
              [&](bool) {
                ConditionVariableCancelSleep();
                pg_atomic_fetch_sub_u32(&state->sync_waiters, 1);
              });
  PG_RETURN_LSN(target);
}

PG_FUNCTION_INFO_V1(sequin_capture_status);
Datum sequin_capture_status(PG_FUNCTION_ARGS) {
  TupleDesc descriptor;
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE) {
    elog(ERROR, "return type must be a row type");
  }
  SlotName name = SlotNameOf(MyDatabaseId);
  SlotPosition slot = PositionOfSlot(name.text);
  DatabaseState* state = FindDatabase(MyDatabaseId, false);
  NameData slot_name;
  namestrcpy(&slot_name, name.text);
  Datum values[11] = {};
  bool nulls[11];
  memset(nulls, true, sizeof(nulls));
  auto set = [&](int column, Datum value) {
    values[column] = value;
    nulls[column] = false;
  };
  set(0, TextDatum(StateText(state, slot.exists)));
  if (slot.exists) {
    XLogRecPtr written =
        RecoveryInProgress() ? GetXLogReplayRecPtr(nullptr) : GetFlushRecPtr(nullptr);
    set(2, NameGetDatum(&slot_name));
    set(4, LSNGetDatum(slot.confirmed));
    set(5,
        Int64GetDatum(static_cast<int64>(written > slot.confirmed ? written - slot.confirmed : 0)));
    if (state != nullptr) set(6, Float8GetDatum(LagSeconds(state)));
  }
  if (state != nullptr) {
    LWLockAcquire(Shared()->lock, LW_SHARED);
    char error[kErrorTextBytes];
    strlcpy(error, state->last_error, sizeof(error));
    TimestampTz error_at = state->last_error_at;
    int pid = state->worker_pid;
    LWLockRelease(Shared()->lock);
    if (pid != 0) set(1, Int32GetDatum(pid));
    if (pg_atomic_read_u64(&state->queued) != 0) {
      set(3, LSNGetDatum(pg_atomic_read_u64(&state->queued)));
      set(7, Int64GetDatum(static_cast<int64>(pg_atomic_read_u64(&state->next_seq))));
      set(8, Int32GetDatum(static_cast<int32>(pg_atomic_read_u32(&state->incarnation))));
    }
    if (error_at != 0) {
      set(9, TextDatum(error));
      set(10, TimestampTzGetDatum(error_at));
    }
  }
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

}  // extern "C"
