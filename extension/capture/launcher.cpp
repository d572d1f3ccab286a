// The launcher (launcher.h). It looks at the slots in shared memory, and once, when it starts, has
// every database without one looked into. A crash of any backend restarts it, and with it
// everything that was running before.
#include "capture/launcher.h"

#include "capture/names.h"
#include "capture/shared_state.h"
#include "pg/memory.h"
#include "pg/monotonic.h"
#include "pg/transaction.h"

namespace sequin {

static constexpr long kLookEveryMs = 1000;
// Whatever is mended, capture is back soon after it, without anybody's help.
static constexpr int kBackoffMaxMs = 10000;
static constexpr int64 kFeederAgainUs = 2 * USECS_PER_SEC;

// Databases that no slot tells of: one probe after the other looks into them, once.
static Vec<Oid> unprobed;
static BackgroundWorkerHandle* probe = nullptr;

struct SlotList {
  Oid databases[kDatabasesMax];
  int count;
};

// Databases that have a slot named and made by us; a foreign slot of our plugin is not ours.
static SlotList OwnSlots() {
  SlotList list{};
  LWLockAcquire(ReplicationSlotControlLock, LW_SHARED);
  for (int i = 0; i < max_replication_slots && list.count < kDatabasesMax; i++) {
    ReplicationSlot* slot = &ReplicationSlotCtl->replication_slots[i];
    if (!slot->in_use || slot->data.persistency != RS_PERSISTENT) continue;
    if (!OidIsValid(slot->data.database)) continue;
    if (strcmp(NameStr(slot->data.plugin), kPluginName) != 0) continue;
    if (strcmp(NameStr(slot->data.name), SlotNameOf(slot->data.database).text) != 0) continue;
    list.databases[list.count++] = slot->data.database;
  }
  LWLockRelease(ReplicationSlotControlLock);
  return list;
}

static bool Contains(const SlotList& list, Oid database) {
  for (int i = 0; i < list.count; i++) {
    if (list.databases[i] == database) return true;
  }
  return false;
}

static BackgroundWorkerHandle* Start(Oid database, const char* function, const char* what) {
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  strlcpy(worker.bgw_library_name, kLibraryName, BGW_MAXLEN);
  strlcpy(worker.bgw_function_name, function, BGW_MAXLEN);
  pg_snprintf(worker.bgw_name, BGW_MAXLEN, "sequin %s of database %u", what, database);
  pg_snprintf(worker.bgw_type, BGW_MAXLEN, "sequin %s", what);
  worker.bgw_main_arg = ObjectIdGetDatum(database);
  worker.bgw_notify_pid = MyProcPid;
  BackgroundWorkerHandle* handle = nullptr;
  return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : nullptr;
}

static bool StartWorker(Oid database, const char* function, const char* what) {
  BackgroundWorkerHandle* handle = Start(database, function, what);
  if (handle != nullptr) pfree(handle);
  return handle != nullptr;
}

static bool DatabaseExists(Oid database) {
  bool exists = false;
  InTransaction([&] { exists = SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(database)); });
  return exists;
}

// Whether a database that has no slot is to get one: it was captured, and is still there.
static bool LostSlot(const DatabaseState& state, const SlotList& slots) {
  if (state.database == InvalidOid || !state.registered || state.worker_pid != 0) return false;
  return !Contains(slots, state.database) && DatabaseExists(state.database);
}

static void Forget(DatabaseState* state) {
  state->create_slot = false;
  state->registered = false;
  state->failures = 0;
  state->database = InvalidOid;
}

// One record: starts its worker when it is wanted, not there, and not backing off. Returns the
// milliseconds until it is to be looked at again.
static long Tend(DatabaseState* state, const SlotList& slots, int64 now) {
  SharedState* shared = Shared();
  bool lost_slot = LostSlot(*state, slots);
  bool start = false;
  long again = kLookEveryMs;
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  auto worker_state = static_cast<WorkerState>(pg_atomic_read_u32(&state->state));
  bool present = state->worker_pid != 0 || worker_state == WorkerState::kStarting;
  bool has_work = state->create_slot || lost_slot || Contains(slots, state->database);
  if (!present && !has_work && state->away_count == 0) {
    Forget(state);
  } else if (!present && has_work && state->wanted == Wanted::kRunning && state->away_count == 0) {
    if (state->next_start_at <= now) {
      start = true;
      int backoff = Min(kBackoffMaxMs, 250 << Min(state->failures, 10));
      state->failures++;  // a worker that comes to work resets it
      state->next_start_at = now + backoff * int64{1000};
      pg_atomic_write_u32(&state->state, static_cast<uint32>(WorkerState::kStarting));
    } else {
      again = static_cast<long>((state->next_start_at - now) / 1000) + 1;
    }
  }
  Oid database = state->database;
  LWLockRelease(shared->lock);
  if (start && !StartWorker(database, "SequinWorkerMain", "capture")) {
    pg_atomic_write_u32(&state->state, static_cast<uint32>(WorkerState::kFailed));
    ereport(LOG, errmsg("sequin: no free background worker for database %u", database),
            errhint("Raise max_worker_processes."));
  }
  return again;
}

// The feeder (backfill/feeder.cpp) is there while there is something to backfill or to replay, and
// only beside a capture worker: its rows go through that one.
static void TendFeeder(DatabaseState* state, int64 now) {
  if (pg_atomic_read_u32(&state->feed_wanted) == 0) return;
  LWLockAcquire(Shared()->lock, LW_EXCLUSIVE);
  bool late = state->feeder_start_at + kFeederAgainUs <= now;
  bool start = state->feeder_pid <= 0 && late && state->away_count == 0 &&
               pg_atomic_read_u32(&state->state) == static_cast<uint32>(WorkerState::kRunning);
  if (start) {
    state->feeder_pid = -1;
    state->feeder_start_at = now;
  }
  Oid database = state->database;
  LWLockRelease(Shared()->lock);
  if (!start || StartWorker(database, "SequinFeederMain", "feeder")) return;
  ereport(LOG, errmsg("sequin: no free background worker for the feeder of database %u", database),
          errhint("Raise max_worker_processes."));
}

// A worker that was started but never attached (its database is gone, connections exhausted).
static void ReapLost() {
  SharedState* shared = Shared();
  int64 now = MonotonicMicros();
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  for (DatabaseState& state : shared->databases) {
    if (state.database == InvalidOid || state.worker_pid != 0) continue;
    if (pg_atomic_read_u32(&state.state) == static_cast<uint32>(WorkerState::kStarting) &&
        state.next_start_at < now) {
      pg_atomic_write_u32(&state.state, static_cast<uint32>(WorkerState::kFailed));
    }
  }
  LWLockRelease(shared->lock);
}

// ---- databases without a slot -------------------------------------------------------------------

// Those that one can connect to, but for templates: CREATE DATABASE wants them alone.
static void ListDatabases() {
  unprobed.context = TopMemoryContext;
  InTransaction([&] {
    Relation catalog = table_open(DatabaseRelationId, AccessShareLock);
    SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, nullptr, 0, nullptr);
    for (HeapTuple tuple; (tuple = systable_getnext(scan)) != nullptr;) {
      auto* database = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
      if (database->datallowconn && !database->datistemplate) unprobed.push(database->oid);
    }
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
  });
}

static bool ProbeRuns() {
  pid_t pid;
  if (probe == nullptr) return false;
  if (GetBackgroundWorkerPid(probe, &pid) != BGWH_STOPPED) return true;
  pfree(probe);
  probe = nullptr;
  return false;
}

static void ProbeNext(const SlotList& slots) {
  while (!unprobed.empty() && !ProbeRuns()) {
    Oid database = unprobed.back();
    bool known = Contains(slots, database) || FindDatabase(database, false) != nullptr;
    if (!known) probe = Start(database, "SequinProbeMain", "probe");
    // No free background worker: it is tried again.
    if (!known && probe == nullptr) return;
    unprobed.count--;
  }
}

static void LauncherExit(int, Datum) {
  if (Shared()) pg_atomic_write_u32(&Shared()->launcher_proc, 0);
}

static void LauncherLoop() {
  for (;;) {
    CHECK_FOR_INTERRUPTS();
    if (ConfigReloadPending) {
      ConfigReloadPending = false;
      ProcessConfigFile(PGC_SIGHUP);
    }
    SlotList slots = OwnSlots();
    for (int i = 0; i < slots.count; i++) FindDatabase(slots.databases[i], true);
    ReapLost();
    ProbeNext(slots);
    long timeout = kLookEveryMs;
    int64 now = MonotonicMicros();
    for (DatabaseState& state : Shared()->databases) {
      if (state.database != InvalidOid) timeout = Min(timeout, Tend(&state, slots, now));
      if (state.database != InvalidOid) TendFeeder(&state, now);
    }
    WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout, PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
  }
}

void RegisterLauncher() {
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = 1;
  strlcpy(worker.bgw_library_name, kLibraryName, BGW_MAXLEN);
  strlcpy(worker.bgw_function_name, "SequinLauncherMain", BGW_MAXLEN);
  strlcpy(worker.bgw_name, "sequin launcher", BGW_MAXLEN);
  strlcpy(worker.bgw_type, "sequin launcher", BGW_MAXLEN);
  RegisterBackgroundWorker(&worker);
}

// ---- away and back ---------------------------------------------------------------------------

static bool WorkerGone(DatabaseState* state) {
  SharedState* shared = Shared();
  LWLockAcquire(shared->lock, LW_SHARED);
  bool gone = state->worker_pid == 0 &&
              pg_atomic_read_u32(&state->state) != static_cast<uint32>(WorkerState::kStarting);
  int pid = state->worker_pid;
  int feeder = state->feeder_pid;
  bool feeder_comes = feeder < 0 && state->feeder_start_at + kFeederAgainUs > MonotonicMicros();
  LWLockRelease(shared->lock);
  if (pid != 0) kill(pid, SIGTERM);
  if (feeder > 0) kill(feeder, SIGTERM);
  return gone && feeder <= 0 && !feeder_comes;
}

static Oid kept_away = InvalidOid;  // whose worker this process keeps away
static bool exit_registered = false;

// A session that is terminated in the command runs no cleanup of errors.
static void ResumeAtExit(int, Datum) {
  if (OidIsValid(kept_away)) ResumeWorker(kept_away);
}

void SuspendWorker(Oid database) {
  DatabaseState* state = FindDatabase(database, false);
  if (state == nullptr) return;
  if (!exit_registered) before_shmem_exit(ResumeAtExit, 0);
  exit_registered = true;
  LWLockAcquire(Shared()->lock, LW_EXCLUSIVE);
  state->away_count++;
  LWLockRelease(Shared()->lock);
  kept_away = database;
  WithCleanup(
      [&] {
        ConditionVariablePrepareToSleep(&state->changed);
        while (!WorkerGone(state)) {
          ConditionVariableTimedSleep(&state->changed, 100, PG_WAIT_EXTENSION);
        }
        ConditionVariableCancelSleep();
      },
      [&](bool failed) {
        if (failed) ResumeWorker(database);
      });
}

void ResumeWorker(Oid database) {
  kept_away = InvalidOid;
  DatabaseState* state = FindDatabase(database, false);
  if (state == nullptr) return;
  LWLockAcquire(Shared()->lock, LW_EXCLUSIVE);
  if (state->away_count > 0) state->away_count--;
  state->failures = 0;
  state->next_start_at = 0;
  LWLockRelease(Shared()->lock);
  WakeLauncher();
}

void RetryWorker(Oid database) {
  DatabaseState* state = FindDatabase(database, false);
  if (state == nullptr) return;
  LWLockAcquire(Shared()->lock, LW_EXCLUSIVE);
  state->failures = 0;
  state->next_start_at = 0;
  LWLockRelease(Shared()->lock);
  WakeLauncher();
}

}  // namespace sequin

extern "C" PGDLLEXPORT void SequinLauncherMain(Datum) {
  using namespace sequin;
  pqsignal(SIGTERM, die);
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  BackgroundWorkerUnblockSignals();
  if (Shared() == nullptr) proc_exit(1);
  pg_atomic_write_u32(&Shared()->launcher_proc, OwnProcNumber() + 1);
  before_shmem_exit(LauncherExit, 0);
  // Not to a database: to see which ones there are.
  BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);
  ListDatabases();
  LauncherLoop();
}
