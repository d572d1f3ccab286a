// The capture worker: one background worker for each captured database. It decodes WAL in its own
// process and appends what consumers want to the log (extension/README.md tells the whole path).
#include "capture/attempt.h"
#include "capture/names.h"
#include "capture/notify.h"
#include "capture/pace.h"
#include "capture/place.h"
#include "capture/settings.h"
#include "capture/shared_state.h"
#include "capture/slot_recovery.h"
#include "capture/wal_source.h"
#include "decode/plugin.h"
#include "log/appender.h"
#include "log/retention.h"
#include "pg/crash_point.h"
#include "pg/monotonic.h"
#include "pg/planted.h"
#include "pg/table.h"
#include "pg/transaction.h"
#include "stream/delayed.h"
#include "stream/stream_retention.h"

namespace sequin {

static constexpr size_t kBatchBytesMax = 16 * 1024 * 1024;
// One commit that stays invisible keeps all that follow it waiting, also those without rows.
static constexpr size_t kBatchTransactionsMax = 100000;
static constexpr long kBatchAgeMaxUs = 10000;
// So far behind, how soon a batch is written is of no interest, but how often: each one costs.
static constexpr XLogRecPtr kFarBehind = 4 * 1024 * 1024;
static constexpr long kBatchAgeFarBehindMaxUs = 100000;
static constexpr long kIdleMs = 1000;
static constexpr long kOthersWalMs = 10;
static constexpr long kInvisibleTailMs = 5;
static constexpr long kAsyncCommitMs = 2;
static constexpr int64 kAsyncCommitUs = kAsyncCommitMs * 1000;
static constexpr long kUnflushedMs = 100;
static constexpr int64 kRetentionUs = 10 * USECS_PER_SEC;

// A position of the slot that may be confirmed once our own WAL up to `after_flush` is on disk.
struct Confirmable {
  XLogRecPtr after_flush;
  XLogRecPtr position;
};

class Worker {
 public:
  void Start(DatabaseState* state);
  void Run();
  Decoder decoder;

 private:
  bool LoadProgress();
  bool MayStart(bool slot);
  void PassGap(TakenSlot* taken);
  void LoadLog();
  void BringConsumersTurn();
  bool DecodeTurn();
  void WriteTurn();
  void ConfirmTurn();
  void Confirm(XLogRecPtr position);
  void ConfirmAhead();
  bool Nap();
  void Sleep(bool invisible_tail);
  void FlushAsyncCommit();
  void SeparateCaches();
  void LeaveIfDropped();
  bool StartTurn();
  void DelayedTurn();
  bool RetentionTurn();
  bool DescribeTurn();
  void Publish();

  DatabaseState* state_;
  Appender appender_;
  CaptureHome home_;
  bool consumers_to_bring_;
  int64 bring_at_;  // monotonic; those that somebody has locked are tried again
  LogicalDecodingContext* context_;
  XLogRecPtr flush_seen_;
  XLogRecPtr slept_at_;  // what was flushed at the last sleep
  size_t invisible_;
  Pace pace_;
  int64 commits_seen_;          // of decoder.commits
  int64 unflushed_since_;       // monotonic; there is an asynchronous commit to flush. 0: none
  Confirmable unconfirmed_[2];  // the older waits for its flush; the newer grows meanwhile
  int64 last_idle_confirm_;     // monotonic
  int64 last_retention_;        // monotonic
  DelayedMessages delayed_;
  uint64 invalidations_seen_;
  XLogRecPtr catalogs_differ_until_;
};

static Worker* worker = nullptr;

// ---- start --------------------------------------------------------------------------------------

static bool ExtensionExists() {
  return OidIsValid(get_extension_oid("sequin", true));
}

// The extension is gone: so is the slot, and there is nothing left to do.
static void DropSlotAndLeave(const char* slot) {
  if (MyReplicationSlot != nullptr) ReplicationSlotRelease();
  if (SlotExists(slot)) {
    ReplicationSlotDrop(slot, false);
    ereport(LOG, errmsg("sequin dropped replication slot \"%s\": the extension is gone", slot));
  }
  LWLockAcquire(Shared()->lock, LW_EXCLUSIVE);
  if (DatabaseState* state = FindDatabase(MyDatabaseId, false)) {
    state->create_slot = state->registered = false;
  }
  LWLockRelease(Shared()->lock);
  proc_exit(0);
}

// False: there is none yet. Does not come back when there is nothing to do.
bool Worker::LoadProgress() {
  bool extension = false;
  bool known = false;
  InTransaction([&] {
    extension = ExtensionExists();
    if (!extension) return;
    home_ = FindCaptureHome();
    known = appender_.LoadProgress();
  });
  if (!extension) DropSlotAndLeave(SlotNameOf(MyDatabaseId).text);
  return known;
}

// Not when it was stopped, nor in a copy of the database, until somebody asks for it. A copy that
// has the slot is captured, for otherwise the slot would keep all WAL.
bool Worker::MayStart(bool slot) {
  if (!home_.known) return true;
  LWLockAcquire(Shared()->lock, LW_EXCLUSIVE);
  bool may = slot || home_.here || home_.promoted;
  if (home_.stopped) may = false;
  if (state_->create_slot) may = true;
  if (home_.stopped && !may) state_->wanted = Wanted::kStopped;
  if (!may) state_->registered = false;
  LWLockRelease(Shared()->lock);
  return may;
}

// Consumers that were active in this database wherever it was before. Those of a copy are not.
void Worker::BringConsumersTurn() {
  if (!consumers_to_bring_ || MonotonicMicros() < bring_at_) return;
  bring_at_ = MonotonicMicros() + USECS_PER_SEC;
  SeparateCaches();
  replorigin_session_origin = DoNotReplicateId;
  InTransaction([&] { consumers_to_bring_ = !appender_.BringConsumers(); });
  replorigin_session_origin = InvalidRepOriginId;
  pg_atomic_write_u32(&state_->definitions_changed, 1);
}

void Worker::PassGap(TakenSlot* taken) {
  InTransaction([&] { taken->gap.transactions = CountCommits(taken->gap.from, taken->gap.to); });
  appender_.PassGap(taken->gap, taken->made ? &taken->definitions : nullptr);
  for (const PresentDefinition& one : taken->definitions) {
    pfree(const_cast<char*>(one.definition));
  }
}

void Worker::LoadLog() {
  appender_.LoadRoutes();
  appender_.LoadStarts();
}

void Worker::Start(DatabaseState* state) {
  state_ = state;
  invalidations_seen_ = SharedInvalidMessageCounter - 1;
  SlotName slot = SlotNameOf(MyDatabaseId);
  appender_.Init(TopMemoryContext);
  bool known = LoadProgress();
  if (!MayStart(SlotExists(slot.text))) proc_exit(0);
  bool moved = known && !appender_.SamePlace();
  consumers_to_bring_ = moved && (home_.here || home_.promoted);
  if (consumers_to_bring_) BringConsumersTurn();

  SetDecoder(&decoder);
  TakenSlot taken = TakeSlot(slot.text, known ? &appender_ : nullptr, state);
  decoder.routing.Init(TopMemoryContext);
  decoder.batch.Init(TopMemoryContext);
  decoder.plans.Init(TopMemoryContext, &decoder.routing, &decoder.batch);
  decoder.attempt.Open(slot.text);

  replorigin_session_origin = DoNotReplicateId;
  InTransaction([&] {
    if (!known) {
      appender_.CreateProgress(slot.text, MyReplicationSlot->data.confirmed_flush);
      CommandCounterIncrement();
      PushActiveSnapshot(GetLatestSnapshot());
      appender_.LoadProgress();
      PopActiveSnapshot();
    }
    bool other_place = known && !home_.here;
    if (!known || (!taken.behind_gap && (other_place || !appender_.SameTimeline()))) {
      appender_.BeginIncarnation();
    } else if (home_.stopped && !taken.behind_gap) {
      appender_.Resume();
    }
    LoadLog();
  });
  replorigin_session_origin = InvalidRepOriginId;
  if (taken.behind_gap) PassGap(&taken);
  InTransaction([&] {
    appender_.LoadDefinitions(&decoder.routing);
    appender_.LoadNames(&decoder.plans);
  });
  // What was begun before a restart goes on.
  pg_atomic_write_u32(&state->feed_wanted, 1);
  decoder.log_descriptor = appender_.log_descriptor();
  decoder.part_lsn = appender_.progress().part_lsn;
  decoder.part_idx = appender_.progress().part_idx;
  // After a crash the slot on disk is older than what is in the log: the later of both counts.
  context_ = OpenDecoding(Planted("slot_trusted") ? InvalidXLogRecPtr : appender_.progress().lsn);

  LWLockAcquire(Shared()->lock, LW_EXCLUSIVE);
  state->failures = 0;
  state->create_slot = false;
  state->registered = true;
  LWLockRelease(Shared()->lock);
  pg_atomic_write_u32(&state->state, static_cast<uint32>(WorkerState::kRunning));
  Publish();
  ConditionVariableBroadcast(&state->changed);
}

// ---- the loop -----------------------------------------------------------------------------------

// Catalog caches filled under a historic snapshot and under the present one must not be mixed.
// That matters only while they can differ: from a catalog change until decoding has passed it.
void Worker::SeparateCaches() {
  AcceptInvalidationMessages();
  bool moved = SharedInvalidMessageCounter != invalidations_seen_;
  if (moved) {
    invalidations_seen_ = SharedInvalidMessageCounter;
    catalogs_differ_until_ = GetXLogInsertRecPtr();
  }
  if (moved || context_->reader->EndRecPtr < catalogs_differ_until_) EmptyCachesButPlans();
}

// Decodes until the batch is worth writing; false when it stopped at the end of the WAL.
bool Worker::DecodeTurn() {
  Batch& batch = decoder.batch;
  auto full = [&] {
    return batch.rows() >= BatchRows() || batch.bytes() >= kBatchBytesMax ||
           batch.TransactionCount() >= kBatchTransactionsMax;
  };
  if (!batch.CanGrow() || full()) return invisible_ == 0;
  SeparateCaches();
  flush_seen_ = GetFlushRecPtr(nullptr);
  bool far_behind = flush_seen_ > context_->reader->EndRecPtr + kFarBehind;
  long age_max = far_behind ? kBatchAgeFarBehindMaxUs : kBatchAgeMaxUs;
  int64 begun = MonotonicMicros();
  for (int records = 1; DecodeRecord(context_); records++) {
    CHECK_FOR_INTERRUPTS();
    if (full()) return true;
    if (records % 64 == 0 && !batch.empty() && MonotonicMicros() - begun > age_max) {
      return true;
    }
  }
  state_->wal_failures = 0;  // this process is the only one that counts them
  return false;
}

void Worker::WriteTurn() {
  invisible_ = 0;
  if (decoder.batch.empty()) return;
  SeparateCaches();
  if (Planted("confirmed_before_commit")) ConfirmAhead();
  XLogRecPtr before = appender_.progress().lsn;
  invisible_ = appender_.WriteVisible(&decoder.batch);
  if (appender_.progress().lsn == before) return;
  decoder.attempt.ForgetSkips(appender_.progress().lsn);
  Confirmable& place = unconfirmed_[XLogRecPtrIsInvalid(unconfirmed_[0].position) ? 0 : 1];
  place = {appender_.last_commit_end(), appender_.progress().lsn};
  pgstat_report_stat(false);
}

void Worker::Confirm(XLogRecPtr position) {
  if (position <= MyReplicationSlot->data.confirmed_flush) return;
  LogicalConfirmReceivedLocation(position);
  CrashPoint("capture.after_confirm");
}

// A planted bug: the slot says that what is in the batch is done, also to the disk.
void Worker::ConfirmAhead() {
  XLogRecPtr position = context_->reader->EndRecPtr;
  appender_.AllowConfirm(position);
  Confirm(position);
  ReplicationSlotMarkDirty();
  ReplicationSlotSave();
}

void Worker::ConfirmTurn() {
  if (!XLogRecPtrIsInvalid(unconfirmed_[0].position)) {
    if (GetFlushRecPtr(nullptr) < unconfirmed_[0].after_flush) return;
    Confirm(unconfirmed_[0].position);
    unconfirmed_[0] = unconfirmed_[1];
    unconfirmed_[1] = Confirmable{};
    return;
  }
  // Idle, or nothing of interest in the WAL: the slot goes on all the same, without a write.
  if (!decoder.batch.empty()) return;
  int64 now = MonotonicMicros();
  if (now - last_idle_confirm_ < USECS_PER_SEC) return;
  last_idle_confirm_ = now;
  XLogRecPtr position = context_->reader->EndRecPtr;
  if (XLogRecPtrIsInvalid(position)) return;
  if (position > appender_.progress().confirm_limit) SeparateCaches();
  appender_.AllowConfirm(position);
  Confirm(position);
}

void Worker::Publish() {
  XLogRecPtr decoded = context_->reader->EndRecPtr;
  pg_atomic_write_u64(&state_->decoded, decoded);
  // Under steady load the last commit is never visible yet: what was written before it counts.
  uint64 passed = decoder.batch.empty() ? decoded : appender_.progress().lsn;
  if (passed > pg_atomic_read_u64(&state_->passed)) {
    pg_atomic_write_u64(&state_->passed, passed);
    if (pg_atomic_read_u32(&state_->sync_waiters) > 0)
      ConditionVariableBroadcast(&state_->passed_on);
  }
  pg_atomic_write_u64(&state_->queued, appender_.progress().lsn);
  pg_atomic_write_u64(&state_->next_seq, static_cast<uint64>(appender_.progress().next_seq));
  pg_atomic_write_u64(&state_->commit_time, static_cast<uint64>(appender_.commit_time()));
  pg_atomic_write_u32(&state_->incarnation, static_cast<uint32>(appender_.progress().incarnation));
}

void Worker::LeaveIfDropped() {
  if (pg_atomic_exchange_u32(&state_->extension_check, 0) == 0) return;
  bool exists = false;
  InTransaction([&] { exists = ExtensionExists(); });
  if (!exists) DropSlotAndLeave(SlotNameOf(MyDatabaseId).text);
}

// New consumers of streams get what was there before them; true: there is more to give.
bool Worker::StartTurn() {
  if (!appender_.AnyStarts()) return false;
  SeparateCaches();
  appender_.AdvanceStarts();
  return appender_.AnyStarts();
}

void Worker::DelayedTurn() {
  if (delayed_.MillisecondsLeft() > 0 && pg_atomic_read_u64(&state_->delayed_due) == 0) return;
  SeparateCaches();
  delayed_.Turn(state_);
}

// One part of what is to be done; true: there is more.
bool Worker::RetentionTurn() {
  int64 now = MonotonicMicros();
  if (now - last_retention_ < kRetentionUs) return false;
  SeparateCaches();
  // Otherwise the last one would wait for the next write, and be kept as long as there is none.
  appender_.RotateIfDue();
  XLogRecPtr passed = pg_atomic_read_u64(&state_->passed);
  bool more = DropOldestSegment(passed) || TrimStreams(appender_.key_state());
  if (more) return true;
  DeleteKeptRows();
  last_retention_ = now;
  return false;
}

// One part of it; true: there may be more.
bool Worker::DescribeTurn() {
  if (!appender_.RangesDue()) return false;
  SeparateCaches();
  appender_.DescribeRanges();
  return true;
}

// Asynchronous commits are read when they are on disk. The server takes up to three times
// wal_writer_delay for that, and commits that come meanwhile wake us up each time.
void Worker::FlushAsyncCommit() {
  XLogRecPtr commit = pg_atomic_read_u64(&state_->async_commit);
  if (commit <= GetFlushRecPtr(nullptr)) {
    unflushed_since_ = 0;
  } else if (unflushed_since_ == 0) {
    unflushed_since_ = MonotonicMicros();
  } else if (MonotonicMicros() - unflushed_since_ >= kAsyncCommitUs) {
    XLogFlush(commit);
    unflushed_since_ = 0;
  }
}

// Under many commits a second. Nobody is told that we sleep: no commit has to send a signal.
bool Worker::Nap() {
  pace_.Turn(decoder.commits - commits_seen_, MonotonicMicros());
  bool idle = decoder.commits == commits_seen_;
  commits_seen_ = decoder.commits;
  long timeout = pace_.NapMs();
  if (idle || timeout == 0 || pg_atomic_read_u32(&state_->sync_waiters) > 0) return false;
  ResetLatch(MyLatch);  // set by the slice itself, when an agent waits for what is in it
  WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout, PG_WAIT_EXTENSION);
  ResetLatch(MyLatch);
  return true;
}

// Waits for WAL. A commit looks at `sleeping` after it noted where it ends, we look at that after
// setting it: one of both sees the other. WAL of which nobody tells us (claims and acks, commits of
// other databases, what is not committed yet) is read when it has grown for a while, lest there is
// much of it to be passed when a commit comes.
void Worker::Sleep(bool invisible_tail) {
  pg_atomic_write_u32(&state_->sleeping, 1);
  pg_memory_barrier();
  XLogRecPtr flushed = GetFlushRecPtr(nullptr);
  bool committed = pg_atomic_read_u64(&state_->last_commit) > flush_seen_;
  if (committed && flushed > flush_seen_ && !invisible_tail) {
    pg_atomic_write_u32(&state_->sleeping, 0);
    return;
  }
  bool unflushed_source = pg_atomic_read_u64(&state_->async_commit) > flushed;
  long timeout = flushed > slept_at_ ? kOthersWalMs : kIdleMs;
  slept_at_ = flushed;
  if (!XLogRecPtrIsInvalid(unconfirmed_[0].position)) timeout = Min(timeout, kUnflushedMs);
  if (invisible_tail) timeout = kInvisibleTailMs;
  if (unflushed_source) timeout = Min(timeout, kAsyncCommitMs);
  timeout = Min(timeout, delayed_.MillisecondsLeft());
  WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout, PG_WAIT_EXTENSION);
  ResetLatch(MyLatch);
  pg_atomic_write_u32(&state_->sleeping, 0);
}

void Worker::Run() {
  for (;;) {
    CHECK_FOR_INTERRUPTS();
    if (ConfigReloadPending) {
      ConfigReloadPending = false;
      ProcessConfigFile(PGC_SIGHUP);
      last_retention_ = 0;  // it may be about retention
    }
    LeaveIfDropped();
    BringConsumersTurn();
    bool more = DecodeTurn();
    WriteTurn();
    more |= StartTurn();
    DelayedTurn();
    ConfirmTurn();
    more |= RetentionTurn();
    Publish();
    SendNotifications(state_);
    if (more || DescribeTurn()) continue;
    if (!Nap()) Sleep(invisible_ > 0);
    FlushAsyncCommit();
  }
}

// ---- process ------------------------------------------------------------------------------------

static bool ended_by_error = false;

static void Detach(int, Datum arg) {
  auto* state = reinterpret_cast<DatabaseState*>(DatumGetPointer(arg));
  if (!ended_by_error && worker != nullptr) worker->decoder.attempt.NoteOrderlyExit();
  // Before anybody hears that we are gone: DROP DATABASE refuses active slots.
  if (MyReplicationSlot != nullptr) ReplicationSlotRelease();
  LWLockAcquire(Shared()->lock, LW_EXCLUSIVE);
  state->worker_pid = 0;
  pg_atomic_write_u32(&state->worker_proc, 0);
  pg_atomic_write_u32(&state->sleeping, 0);
  pg_atomic_write_u32(&state->state, static_cast<uint32>(ended_by_error ? WorkerState::kFailed
                                                                        : WorkerState::kNone));
  LWLockRelease(Shared()->lock);
  ConditionVariableBroadcast(&state->changed);
  WakeLauncher();
}

static void Attach(DatabaseState* state) {
  LWLockAcquire(Shared()->lock, LW_EXCLUSIVE);
  bool taken = state->worker_pid != 0;
  if (!taken) state->worker_pid = MyProcPid;
  LWLockRelease(Shared()->lock);
  if (taken) proc_exit(0);
  pg_atomic_write_u32(&state->worker_proc, OwnProcNumber() + 1);
  pg_atomic_write_u32(&state->extension_check, 0);
  before_shmem_exit(Detach, PointerGetDatum(state));
}

static void NoteFailure(DatabaseState* state) {
  ended_by_error = true;
  MemoryContextSwitchTo(TopMemoryContext);
  ErrorData* error = CopyErrorData();
  worker->decoder.attempt.NoteError();
  LWLockAcquire(Shared()->lock, LW_EXCLUSIVE);
  const char* message = error->message ? error->message : "unknown error";
  // Not in the middle of a character.
  int size = pg_mbcliplen(message, static_cast<int>(strlen(message)), kErrorTextBytes - 1);
  strlcpy(state->last_error, message, static_cast<size_t>(size) + 1);
  state->last_error_at = GetCurrentTimestamp();
  if (WalReadingFailed()) state->wal_failures++;
  LWLockRelease(Shared()->lock);
}

}  // namespace sequin

extern "C" PGDLLEXPORT void SequinWorkerMain(Datum argument) {
  using namespace sequin;
  Oid database = DatumGetObjectId(argument);
  pqsignal(SIGTERM, die);
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  BackgroundWorkerUnblockSignals();
  DatabaseState* state = FindDatabase(database, true);
  Attach(state);
  worker = static_cast<Worker*>(MemoryContextAllocZero(TopMemoryContext, sizeof(Worker)));
  WithCleanup(
      [&] {
        BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
        FixWorkerSettings();
        worker->Start(state);
        worker->Run();
      },
      [&](bool failed) {
        if (failed) NoteFailure(state);
      });
}
