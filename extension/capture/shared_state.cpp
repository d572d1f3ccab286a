// Shared memory of capture (shared_state.h).
#include "capture/shared_state.h"

namespace sequin {

static SharedState* shared = nullptr;
static shmem_request_hook_type previous_request_hook = nullptr;
static shmem_startup_hook_type previous_startup_hook = nullptr;

static void RequestSharedState() {
  if (previous_request_hook) previous_request_hook();
  RequestAddinShmemSpace(MAXALIGN(sizeof(SharedState)));
  RequestNamedLWLockTranche("sequin", 1);
}

static void InitDatabase(DatabaseState* state) {
  pg_atomic_init_u32(&state->state, 0);
  pg_atomic_init_u32(&state->worker_proc, 0);
  pg_atomic_init_u32(&state->sleeping, 0);
  pg_atomic_init_u64(&state->last_commit, 0);
  pg_atomic_init_u64(&state->async_commit, 0);
  pg_atomic_init_u64(&state->decoded, 0);
  pg_atomic_init_u64(&state->queued, 0);
  pg_atomic_init_u64(&state->passed, 0);
  pg_atomic_init_u32(&state->sync_waiters, 0);
  ConditionVariableInit(&state->passed_on);
  pg_atomic_init_u64(&state->delayed_due, 0);
  pg_atomic_init_u64(&state->next_seq, 0);
  pg_atomic_init_u64(&state->commit_time, 0);
  pg_atomic_init_u32(&state->incarnation, 0);
  pg_atomic_init_u32(&state->extension_check, 0);
  pg_atomic_init_u32(&state->definitions_changed, 0);
  pg_atomic_init_u32(&state->feed_wanted, 0);
  pg_atomic_init_u32(&state->feeder_proc, 0);
  ConditionVariableInit(&state->changed);
  for (int i = 0; i < kWakeSlots; i++) {
    pg_atomic_init_u32(&state->armed[i], 0);
    pg_atomic_init_u32(&state->notify_due[i], 0);
  }
}

static void StartSharedState() {
  if (previous_startup_hook) previous_startup_hook();
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  bool found;
  shared = static_cast<SharedState*>(ShmemInitStruct("sequin", sizeof(SharedState), &found));
  if (!found) {
    memset(static_cast<void*>(shared), 0, sizeof(SharedState));
    shared->lock = &(GetNamedLWLockTranche("sequin"))->lock;
    pg_atomic_init_u32(&shared->launcher_proc, 0);
    for (WakeSlot& slot : shared->wakes) {
      pg_atomic_init_u32(&slot.generation, 1);
      pg_atomic_init_u32(&slot.waits_for_settles, 0);
      ConditionVariableInit(&slot.waiters);
    }
    for (DatabaseState& state : shared->databases) InitDatabase(&state);
  }
  LWLockRelease(AddinShmemInitLock);
}

void InitSharedState() {
  previous_request_hook = shmem_request_hook;
  shmem_request_hook = RequestSharedState;
  previous_startup_hook = shmem_startup_hook;
  shmem_startup_hook = StartSharedState;
}

SharedState* Shared() {
  return shared;
}

SharedState* RequireShared() {
  if (shared == nullptr) {
    ereport(
        ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
        errmsg("sequin is not in shared_preload_libraries"),
        errhint("Add it with ALTER SYSTEM SET shared_preload_libraries = 'sequin' (keep what is "
                "there) and restart the server."));
  }
  return shared;
}

DatabaseState* FindDatabase(Oid database, bool create) {
  // A process without a database must not take a free record for its own.
  if (shared == nullptr || !OidIsValid(database)) return nullptr;
  for (DatabaseState& state : shared->databases) {
    if (state.database == database) return &state;
  }
  if (!create) return nullptr;
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  DatabaseState* free_one = nullptr;
  for (DatabaseState& state : shared->databases) {
    if (state.database == database) {
      LWLockRelease(shared->lock);
      return &state;
    }
    if (state.database == InvalidOid && free_one == nullptr) free_one = &state;
  }
  if (free_one != nullptr) {
    free_one->wanted = Wanted::kRunning;
    free_one->create_slot = false;
    free_one->registered = false;
    free_one->wal_failures = 0;
    free_one->failures = 0;
    free_one->next_start_at = 0;
    free_one->last_error_at = 0;
    free_one->last_error[0] = '\0';
    pg_atomic_write_u32(&free_one->state, static_cast<uint32>(WorkerState::kNone));
    for (pg_atomic_uint64* of_another :
         {&free_one->last_commit, &free_one->async_commit, &free_one->decoded, &free_one->queued,
          &free_one->passed, &free_one->next_seq, &free_one->commit_time}) {
      pg_atomic_write_u64(of_another, 0);
    }
    pg_atomic_write_u32(&free_one->incarnation, 0);
    pg_atomic_write_u32(&free_one->feed_wanted, 0);
    pg_write_barrier();
    free_one->database = database;
  }
  LWLockRelease(shared->lock);
  if (free_one == nullptr) {
    ereport(ERROR, errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
            errmsg("sequin captures at most %d databases of one server", kDatabasesMax));
  }
  return free_one;
}

static void SetLatchOfProc(uint32 proc_plus_one) {
  if (proc_plus_one != 0) SetLatch(&ProcGlobal->allProcs[proc_plus_one - 1].procLatch);
}

void WakeLauncher() {
  if (shared != nullptr) SetLatchOfProc(pg_atomic_read_u32(&shared->launcher_proc));
}

void WakeFeeder(DatabaseState* state) {
  SetLatchOfProc(pg_atomic_read_u32(&state->feeder_proc));
}

void WakeWorker(DatabaseState* state) {
  SetLatchOfProc(pg_atomic_read_u32(&state->worker_proc));
}

}  // namespace sequin
