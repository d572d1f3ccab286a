// The feeder: a background worker beside the capture worker, there while there is something to
// backfill or to replay (backfill/README.md). It reads in chunks, turn and turn about, and hands
// each chunk over through the WAL.
#include <algorithm>

#include "backfill/feed.h"
#include "backfill/feed_store.h"
#include "capture/settings.h"
#include "capture/shared_state.h"
#include "decode/encode.h"
#include "decode/feed_message.h"
#include "log/reader.h"
#include "pg/crash_point.h"
#include "pg/monotonic.h"
#include "pg/table.h"
#include "pg/transaction.h"

namespace sequin {
namespace {

constexpr size_t kMessageBytes = 256 * 1024;
constexpr long kWaitMs = 20;
constexpr long kLingerMs = 5000;
constexpr long kRetryMs = 500;
constexpr int32 kCrashesMax = 10;  // shutdowns count, too

// The version of a consumer's row that the feeder works with. It is in force when capture has
// passed its commit: what committed before is visible then, and what commits after it goes through
// the log.
struct KnownConsumer {
  int32 consumer;  // hash key
  TransactionId version;
  ItemPointerData place;
  bool in_force;
};

// A replay that sends no more than so much a second.
struct Pace {
  int32 feed;        // hash key
  int64 not_before;  // monotonic
};

enum class Turn { kLater, kProgress };

class Feeder {
 public:
  void Start(DatabaseState* state);
  void Run();

 private:
  Turn TakeFirst(int32 id);
  Turn Take(int32 id);
  void WaitUntilPassed(XLogRecPtr position);
  template <typename Body>
  bool Attempt(Body&& body);
  bool DefinitionInForce(const FeedRow& row);
  void LowMark(int32 id);
  void UseDefinition(const FeedRow& row);
  Turn ChunkTurn(int32 id, bool careful);
  bool ReadBackfill(const Feed& feed, bool careful, Chunk* chunk);
  bool TooEarly(int32 id);
  void KeepPace(const Feed& feed, const Chunk& chunk);
  void EmitTables(const Vec<RelationName>& tables);
  void EmitRows(FeedRows rows);
  void Finish(int32 id);

  DatabaseState* state_;
  Decoder decoder_;
  Vec<RelationName> tables_;  // that backfills have had rows of
  HTAB* known_;
  int32 routed_;  // the consumer in decoder_.routing
  TransactionId routed_version_;
  ItemPointerData routed_row_;
  HTAB* paces_;
  Vec<int32> begun_;          // feeds that this process has begun to work on
  Vec<int32> taken_;          // those of which it came through a chunk
  int64 again_at_;            // monotonic: when the next replay that keeps a pace has its turn
  XLogRecPtr chunk_ends_[2];  // of the chunks that capture may not have passed yet
  bool low_mark_due_;
  bool finish_due_;
  KnownConsumer* marked_;  // whose definition the next low mark brings into force
  MemoryContext turn_;
};

Feeder* feeder = nullptr;

// ---- capture -----------------------------------------------------------------------------------

void Feeder::WaitUntilPassed(XLogRecPtr position) {
  if (XLogRecPtrIsInvalid(position)) return;
  pg_atomic_fetch_add_u32(&state_->sync_waiters, 1);
  WithCleanup(
      [&] {
        while (pg_atomic_read_u64(&state_->passed) < position) {
          WakeWorker(state_);
          ConditionVariableTimedSleep(&state_->passed_on, kWaitMs, PG_WAIT_EXTENSION);
        }
      },
      [&](bool) {
        ConditionVariableCancelSleep();
        pg_atomic_fetch_sub_u32(&state_->sync_waiters, 1);
      });
}

// A transaction that is tried again with the feed's next turn: somebody may have its row locked.
template <typename Body>
bool Feeder::Attempt(Body&& body) {
  ErrorData* error = InContext(turn_, [&] {
    return TryTransaction([&] {
      PushActiveSnapshot(GetTransactionSnapshot());
      body();
      PopActiveSnapshot();
    });
  });
  if (error != nullptr) ereport(LOG, errmsg("sequin: feeder: %s", error->message));
  return error == nullptr;
}

// ---- definitions -------------------------------------------------------------------------------

bool SamePlace(ItemPointerData a, ItemPointerData b) {
  return ItemPointerEquals(&a, &b);
}

bool Feeder::DefinitionInForce(const FeedRow& row) {
  bool found;
  auto* known =
      static_cast<KnownConsumer*>(hash_search(known_, &row.feed.consumer, HASH_ENTER, &found));
  if (found && known->version == row.consumer_version &&
      SamePlace(known->place, row.consumer_place)) {
    if (!known->in_force) marked_ = known;
    return known->in_force;
  }
  known->version = row.consumer_version;
  known->place = row.consumer_place;
  known->in_force = false;
  marked_ = known;
  return false;
}

// The definition goes through the same reader as that of the capture worker.
void Feeder::UseDefinition(const FeedRow& row) {
  // By its place alone another version might be taken for it, after VACUUM.
  if (routed_ == row.feed.consumer && routed_version_ == row.consumer_version &&
      SamePlace(routed_row_, row.consumer_place)) {
    return;
  }
  if (routed_ != 0) decoder_.routing.Remove(routed_);
  decoder_.routing.Set(row.feed.consumer, row.definition);
  for (Definition* definition : decoder_.routing.definitions()) definition->actions |= kRead;
  routed_ = row.feed.consumer;
  routed_version_ = row.consumer_version;
  routed_row_ = row.consumer_place;
}

// A commit of our own: when capture has passed it, everything that committed before is visible,
// and definitions that committed before are in force.
void Feeder::LowMark(int32 id) {
  bool written = false;
  if (!Attempt([&] { written = WriteLowMark(id); }) || !written) return;
  chunk_ends_[0] = chunk_ends_[1] = XactLastCommitEnd;
  WaitUntilPassed(chunk_ends_[1]);
  if (marked_ != nullptr) marked_->in_force = true;
}

// ---- chunks ------------------------------------------------------------------------------------

void Emit(const FeedPart& part, StringInfo message) {
  memcpy(message->data, &part, sizeof(part));
  LogLogicalMessage(kFeedPrefix, message->data, static_cast<size_t>(message->len), true);
}

void Begin(StringInfo message) {
  resetStringInfo(message);
  appendStringInfoSpaces(message, MAXALIGN(sizeof(FeedPart)));
  memset(message->data, 0, static_cast<size_t>(message->len));
}

void Feeder::EmitTables(const Vec<RelationName>& tables) {
  StringInfoData message;
  initStringInfo(&message);
  for (const RelationName& name : tables) {
    Begin(&message);
    appendBinaryStringInfo(&message, name.schema, static_cast<int>(strlen(name.schema)) + 1);
    appendBinaryStringInfo(&message, name.table, static_cast<int>(strlen(name.table)) + 1);
    Emit({FeedPartKind::kTable, name.id, name.reloid, FeedRows{}}, &message);
  }
}

void Feeder::EmitRows(FeedRows rows) {
  Batch& batch = decoder_.batch;
  if (batch.rows() == 0) return;
  batch.CommitTransaction(InvalidXLogRecPtr);
  StringInfoData message;
  initStringInfo(&message);
  Begin(&message);
  int32 count = 0;
  while (ChangeRecord* record = batch.NextRecord()) {
    appendBinaryStringInfo(&message, reinterpret_cast<const char*>(record),
                           static_cast<int>(record->bytes));
    count++;
    if (static_cast<size_t>(message.len) < kMessageBytes) continue;
    Emit({FeedPartKind::kRows, count, InvalidOid, rows}, &message);
    Begin(&message);
    count = 0;
  }
  if (count > 0) Emit({FeedPartKind::kRows, count, InvalidOid, rows}, &message);
}

// A batch that an error left half full.
void ClearBatch(Batch* batch) {
  while (!batch->empty()) {
    while (batch->NextRecord() != nullptr) {
    }
    batch->FinishFirstTransaction();
  }
  batch->Trim();
}

bool Feeder::ReadBackfill(const Feed& feed, bool careful, Chunk* chunk) {
  if (!feed.begun) StoreEstimate(feed.id, EstimateRows(feed));
  if (!ReadChunk(feed, &decoder_, careful, chunk)) return false;
  for (const RelationName& name : decoder_.batch.new_relations()) tables_.push(name);
  decoder_.batch.new_relations().clear();
  return true;
}

// ---- pace --------------------------------------------------------------------------------------

bool Feeder::TooEarly(int32 id) {
  auto* pace = static_cast<Pace*>(hash_search(paces_, &id, HASH_FIND, nullptr));
  if (pace == nullptr) return false;
  int64 now = MonotonicMicros();
  if (pace->not_before <= now) return false;
  again_at_ = Min(again_at_, pace->not_before);
  return true;
}

void Feeder::KeepPace(const Feed& feed, const Chunk& chunk) {
  if (feed.rows_per_second == 0) return;
  auto* pace = static_cast<Pace*>(hash_search(paces_, &feed.id, HASH_ENTER, nullptr));
  int64 sent = chunk.rows_sent - feed.rows_sent;
  pace->not_before = MonotonicMicros() + sent * USECS_PER_SEC / feed.rows_per_second;
}

Turn Feeder::ChunkTurn(int32 id, bool careful) {
  FeedRow row;
  if (!LockFeed(id, &row)) return Turn::kLater;
  if (row.feed.wal_lost) {
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("WAL that was not captured may have had rows of it: start another one"));
  }
  // Done means: all of it is in the log. After a restart a mark tells where that is.
  if (row.feed.complete && !XLogRecPtrIsInvalid(chunk_ends_[1])) {
    finish_due_ = true;
    return Turn::kProgress;
  }
  if (row.feed.complete || !DefinitionInForce(row) || !row.feed.marked) {
    low_mark_due_ = true;
    return Turn::kProgress;
  }
  UseDefinition(row);
  Chunk chunk{};
  Vec<RelationName> named{};
  decoder_.batch.BeginTransaction(InvalidTransactionId, InvalidXLogRecPtr, GetCurrentTimestamp());
  if (row.feed.replay) {
    ReplayChunk(row.feed, &decoder_, &named, &chunk);
  } else if (!ReadBackfill(row.feed, careful, &chunk)) {
    return Turn::kLater;
  }
  StoreChunk(row.feed, chunk);
  for (const RelationName& name : tables_) {
    if (name.id == chunk.table) named.push(name);
  }
  EmitTables(named);
  EmitRows(chunk.rows);
  KeepPace(row.feed, chunk);
  if (chunk.snapshot != nullptr) UnregisterSnapshot(chunk.snapshot);
  CrashPoint("feed.before_commit");
  return Turn::kProgress;
}

// What time will cure is tried again; the rest ends the backfill until somebody resumes it.
bool IsPassing(const ErrorData* error) {
  switch (ERRCODE_TO_CATEGORY(error->sqlerrcode)) {
    case ERRCODE_TRANSACTION_ROLLBACK:
    case ERRCODE_INSUFFICIENT_RESOURCES:
    case ERRCODE_SYSTEM_ERROR:
      return true;
    default:
      return error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
             error->sqlerrcode == ERRCODE_OBJECT_IN_USE ||
             error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN;
  }
}

void Feeder::Finish(int32 id) {
  WaitUntilPassed(chunk_ends_[1]);
  Attempt([&] { SetFeedState(id, "done", nullptr); });
}

bool Has(const Vec<int32>& ids, int32 id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

// A feed at which feeders crash again and again must not restart the server for ever. One whose
// chunk this process has come through is not counted any more.
Turn Feeder::TakeFirst(int32 id) {
  if (Has(taken_, id)) return Take(id);
  if (!Has(begun_, id)) {
    int32 begun = 0;
    if (!Attempt([&] { begun = BeginTurn(id); }) || begun == 0) return Turn::kLater;
    if (begun > kCrashesMax) {
      Attempt([&] { SetFeedState(id, "failed", "the feeder has crashed at it several times"); });
      return Turn::kProgress;
    }
    begun_.push(id);
  }
  Turn turn = Take(id);
  if (low_mark_due_) return turn;  // the chunk is still to come
  Attempt([&] { EndTurn(id); });
  taken_.push(id);
  return turn;
}

Turn Feeder::Take(int32 id) {
  Turn turn = Turn::kLater;
  if (TooEarly(id)) return turn;
  // Only as far as capture has come: a backfill must not run away from it. No transaction waits.
  WaitUntilPassed(chunk_ends_[0]);
  low_mark_due_ = finish_due_ = false;
  marked_ = nullptr;
  for (bool careful : {false, true}) {
    XLogRecPtr before = XactLastCommitEnd;
    ErrorData* error = InContext(turn_, [&] {
      return TryTransaction([&] {
        PushActiveSnapshot(GetTransactionSnapshot());
        turn = ChunkTurn(id, careful);
        PopActiveSnapshot();
      });
    });
    ClearBatch(&decoder_.batch);
    if (error != nullptr) ItemPointerSetInvalid(&routed_row_);  // its plan may be half made
    if (error == nullptr) {
      CrashPoint("feed.after_commit");
      if (XactLastCommitEnd != before) {
        chunk_ends_[0] = chunk_ends_[1];
        chunk_ends_[1] = XactLastCommitEnd;
      }
      if (low_mark_due_) LowMark(id);
      if (finish_due_) Finish(id);
      return turn;
    }
    if (IsPassing(error)) {
      ereport(LOG,
              errmsg("sequin: a chunk of feed %d will be tried again: %s", id, error->message));
      return Turn::kLater;
    }
    // Perhaps it was one row that cannot be a message. That costs a dead letter, not the backfill.
    if (!careful) continue;
    ereport(LOG, errmsg("sequin: feed %d failed: %s", id, error->message));
    Attempt([&] { SetFeedState(id, "failed", error->message); });
  }
  return Turn::kProgress;
}

// Whoever ends in another way may have been in the middle of something.
bool nothing_left = false;

void Leave() {
  nothing_left = true;
  proc_exit(0);
}

// ---- process -----------------------------------------------------------------------------------

void Feeder::Start(DatabaseState* state) {
  state_ = state;
  turn_ = NewContext(TopMemoryContext, "sequin feeder turn");
  decoder_.routing.Init(TopMemoryContext);
  decoder_.batch.Init(TopMemoryContext);
  decoder_.plans.Init(TopMemoryContext, &decoder_.routing, &decoder_.batch);
  tables_.context = TopMemoryContext;
  begun_.context = taken_.context = TopMemoryContext;
  HASHCTL control{};
  control.keysize = sizeof(int32);
  control.entrysize = sizeof(KnownConsumer);
  control.hcxt = TopMemoryContext;
  known_ = hash_create("sequin fed consumers", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  control.entrysize = sizeof(Pace);
  paces_ = hash_create("sequin feed paces", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  bool exists = false;
  InTransaction([&] {
    exists = OidIsValid(get_extension_oid("sequin", true)) &&
             OidIsValid(OwnTableOid("feed_chunk", true));
    if (!exists) return;
    Relation log = OpenOwnTable("log_0", AccessShareLock);
    InContext(TopMemoryContext,
              [&] { decoder_.log_descriptor = CreateTupleDescCopy(RelationGetDescr(log)); });
    table_close(log, AccessShareLock);
  });
  if (!exists) {
    pg_atomic_write_u32(&state_->feed_wanted, 0);
    Leave();
  }
}

void Feeder::Run() {
  int64 idle_since = 0;
  for (;;) {
    CHECK_FOR_INTERRUPTS();
    if (ConfigReloadPending) {
      ConfigReloadPending = false;
      ProcessConfigFile(PGC_SIGHUP);
    }
    MemoryContextReset(turn_);
    // Before looking: whoever adds one now sets it again.
    pg_atomic_write_u32(&state_->feed_wanted, 0);
    Vec<int32> ids{};
    ids.context = turn_;
    InTransaction([&] { ListRunningFeeds(&ids); });
    bool progress = false;
    again_at_ = MonotonicMicros() + (ids.empty() ? kLingerMs / 5 : kRetryMs) * 1000;
    for (int32 id : ids) progress |= TakeFirst(id) == Turn::kProgress;
    if (!ids.empty()) {
      pg_atomic_write_u32(&state_->feed_wanted, 1);
      idle_since = 0;
    } else if (idle_since == 0) {
      idle_since = MonotonicMicros();
    } else if (MonotonicMicros() - idle_since >= kLingerMs * 1000) {
      if (pg_atomic_read_u32(&state_->feed_wanted) == 0) Leave();
    }
    pgstat_report_stat(false);
    if (progress) continue;
    long wait_ms = MillisecondsUntil(again_at_);
    WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, Max(wait_ms, 1L),
              PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
  }
}

void Detach(int, Datum argument) {
  auto* state = reinterpret_cast<DatabaseState*>(DatumGetPointer(argument));
  LWLockAcquire(Shared()->lock, LW_EXCLUSIVE);
  state->feeder_pid = 0;
  LWLockRelease(Shared()->lock);
  pg_atomic_write_u32(&state->feeder_proc, 0);
  if (!nothing_left) pg_atomic_write_u32(&state->feed_wanted, 1);
  ConditionVariableBroadcast(&state->changed);
  WakeLauncher();
}

void Attach(DatabaseState* state) {
  LWLockAcquire(Shared()->lock, LW_EXCLUSIVE);
  bool taken = state->feeder_pid > 0;
  if (!taken) state->feeder_pid = MyProcPid;
  LWLockRelease(Shared()->lock);
  if (taken) proc_exit(0);
  pg_atomic_write_u32(&state->feeder_proc, OwnProcNumber() + 1);
  before_shmem_exit(Detach, PointerGetDatum(state));
}

// Beyond those of the capture worker: a chunk is a short range of an index.
void FixFeederSettings() {
  FixWorkerSettings();
  static constexpr const char* kFixed[][2] = {
      {"synchronous_commit", "local"},
      {"lock_timeout", "2s"},
      {"enable_seqscan", "off"},
      {"enable_bitmapscan", "off"},
      {"max_parallel_workers_per_gather", "0"},
  };
  for (const auto& [name, value] : kFixed) {
    SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
  }
}

}  // namespace
}  // namespace sequin

extern "C" PGDLLEXPORT void SequinFeederMain(Datum argument) {
  using namespace sequin;
  Oid database = DatumGetObjectId(argument);
  pqsignal(SIGTERM, die);
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  BackgroundWorkerUnblockSignals();
  DatabaseState* state = FindDatabase(database, true);
  Attach(state);
  feeder = static_cast<Feeder*>(MemoryContextAllocZero(TopMemoryContext, sizeof(Feeder)));
  BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
  FixFeederSettings();
  feeder->Start(state);
  feeder->Run();
}
