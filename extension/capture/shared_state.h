// Shared memory of capture: one record per captured database, and the launcher's latch.
//
// Locks: `lock` guards which database a record belongs to and the fields marked (L); the atomics
// are read and written without it. Records are never freed while the server runs: a database that
// is dropped leaves a free record (database = InvalidOid).
#pragma once

#include "pg/prelude.h"

namespace sequin {

inline constexpr int kDatabasesMax = 64;
inline constexpr int kWakeSlots = 512;
inline constexpr uint32 kSeveralConsumers = PG_UINT32_MAX;
inline constexpr size_t kErrorTextBytes = 512;

// What the operator or a utility command wants of the worker of a database.
enum class Wanted : uint32 {
  kRunning = 0,
  kStopped,  // sequin.stop(), until sequin.start()
  kAway,     // for the length of a utility command (DROP DATABASE, …)
};

enum class WorkerState : uint32 { kNone = 0, kStarting, kCreatingSlot, kRunning, kFailed };

struct WakeSlot {
  pg_atomic_uint32 generation;         // grows at every wake
  pg_atomic_uint32 waits_for_settles;  // a consumer, 0: none, kSeveralConsumers
  ConditionVariable waiters;
};

struct DatabaseState {
  Oid database;                   // (L)
  Wanted wanted;                  // (L)
  bool create_slot;               // (L) a start was asked for although there is no slot yet
  bool registered;                // (L) captured, whether or not it has a slot just now
  int wal_failures;               // (L) times that the WAL could not be read, since it could
  int away_count;                 // (L) utility commands that want the worker away
  pg_atomic_uint32 state;         // WorkerState
  pg_atomic_uint32 worker_proc;   // OwnProcNumber() + 1 of the worker, 0: none
  int worker_pid;                 // (L)
  pg_atomic_uint32 sleeping;      // the worker waits for WAL: a commit sets its latch
  pg_atomic_uint64 last_commit;   // end of the latest commit of the database
  pg_atomic_uint64 async_commit;  // end of the latest commit that did not flush its WAL itself
  pg_atomic_uint64 decoded;       // end of the last WAL record decoded
  pg_atomic_uint64 queued;        // progress.lsn
  pg_atomic_uint64 passed;        // everything committed before it is in the log
  pg_atomic_uint32 sync_waiters;  // backends in sequin.sync()
  ConditionVariable passed_on;    // `passed` grew while somebody waited
  pg_atomic_uint64 delayed_due;   // a delayed message was committed that is due then; 0: none
  pg_atomic_uint64 next_seq;
  pg_atomic_uint64 commit_time;  // TimestampTz of the last commit written to the log
  pg_atomic_uint32 incarnation;
  pg_atomic_uint32 extension_check;      // DROP EXTENSION committed: look whether it is gone
  pg_atomic_uint32 feed_wanted;          // there are backfills or replays to do
  pg_atomic_uint32 feeder_proc;          // OwnProcNumber() + 1 of the feeder, 0: none
  int feeder_pid;                        // (L); -1: started, not yet there
  int64 feeder_start_at;                 // (L) monotonic; when it was started last; not again soon
  ConditionVariable changed;             // state or worker_pid changed
  pg_atomic_uint32 definitions_changed;  // NOTIFY is due
  pg_atomic_uint32 armed[kWakeSlots];    // the consumer whose agent asked for a NOTIFY
  pg_atomic_uint32 notify_due[kWakeSlots];  // consumer of a wake that met an armed slot
  TimestampTz last_error_at;                // (L)
  int failures;                             // (L) failed starts in a row
  int64 next_start_at;                      // (L) monotonic; back off
  char last_error[kErrorTextBytes];         // (L)
};

struct SharedState {
  LWLock* lock;
  pg_atomic_uint32 launcher_proc;  // OwnProcNumber() + 1, 0: none
  WakeSlot wakes[kWakeSlots];
  DatabaseState databases[kDatabasesMax];
};

// nullptr when the library was not preloaded.
SharedState* Shared();
// ERROR 55000 with hint when the library was not preloaded.
SharedState* RequireShared();

// The record of a database; nullptr when there is none (and `create` is false).
DatabaseState* FindDatabase(Oid database, bool create);

void WakeLauncher();
void WakeWorker(DatabaseState* state);
void WakeFeeder(DatabaseState* state);
void InitSharedState();  // from _PG_init, while preloading

}  // namespace sequin
