// Publishing delayed messages (delayed.h).
#include "stream/delayed.h"

#include "pg/crash_point.h"
#include "pg/index_probe.h"
#include "pg/memory.h"
#include "pg/planted.h"
#include "pg/table.h"
#include "pg/transaction.h"
#include "stream/publish.h"
#include "stream/stream.h"

namespace sequin {
namespace {

constexpr int kRowsMax = 1000;  // of one transaction
constexpr size_t kBytesMax = 4 * 1024 * 1024;
constexpr int64 kLookAgainMicros = 10 * USECS_PER_SEC;  // from the beginning
constexpr int64 kSkippedMicros = USECS_PER_SEC;

// Columns of sequin.delayed, in the order of api/stream_tables.sql.
enum DelayedColumn : AttrNumber {
  kDeliverAt = 1,
  kId,
  kStream,
  kDataIsJson,
  kKey,
  kData,
  kHeaders
};

PublishMessage ReadMessage(TupleTableSlot* slot) {
  PublishMessage message{};
  message.stream = DatumGetInt32(SlotColumn(slot, kStream));
  message.flags = kPublishDelayed;
  if (DatumGetBool(SlotColumn(slot, kDataIsJson))) message.flags |= kPublishJson;
  message.deliver_at = DatumGetTimestampTz(SlotColumn(slot, kDeliverAt));
  message.key = TextView(SlotColumn(slot, kKey));
  message.data = TextView(SlotColumn(slot, kData));
  message.headers = TextView(SlotColumn(slot, kHeaders));
  return message;
}

// False: somebody is deleting the row, with its stream. Nobody is waited for.
bool DeleteRow(Relation table, ItemPointerData tid) {
  TM_FailureData failure;
  return heap_delete(table, &tid, GetCurrentCommandId(true), InvalidSnapshot, false, &failure,
                     false) == TM_Ok;
}

void PublishRow(PublishMessage message) {
  Stream stream;
  if (!FindStreamById(message.stream, &stream)) return;
  if (stream.one_message_per_key) message.flags |= kPublishCompact;
  EmitPublish(message);
}

}  // namespace

// In a transaction.
void DelayedMessages::Release(TimestampTz now) {
  Relation table = OpenOwnTable("delayed", RowExclusiveLock);
  IndexProbe rows;
  rows.Open(table, RelationGetPrimaryKeyIndex(table), SnapshotSelf, 1);
  ScanKeyData key;
  ScanKeyInit(&key, kDeliverAt, BTGreaterEqualStrategyNumber, F_TIMESTAMPTZ_GE,
              TimestampTzGetDatum(floor_));
  rows.Seek({&key, 1});
  MemoryContext each = NewContext(CurrentMemoryContext, "sequin delayed message");
  int count = 0;
  size_t bytes = 0;
  bool skipped = false;
  next_due_ = DT_NOEND;
  while (TupleTableSlot* slot = rows.Next()) {
    TimestampTz deliver_at = DatumGetTimestampTz(SlotColumn(slot, kDeliverAt));
    if (deliver_at > now || count == kRowsMax || bytes > kBytesMax) {
      next_due_ = deliver_at;
      break;
    }
    if (!skipped) floor_ = deliver_at;
    if (Planted("delayed_twice") || DeleteRow(table, slot->tts_tid)) {
      InContext(each, [&] {
        PublishMessage message = ReadMessage(slot);
        bytes += message.data.size();
        PublishRow(message);
      });
      MemoryContextReset(each);
      count++;
    } else {
      skipped = true;
    }
  }
  rows.Close();
  CloseOwnTable(table);
  if (skipped) next_due_ = Min(next_due_, now + kSkippedMicros);
}

void DelayedMessages::Turn(DatabaseState* state) {
  TimestampTz now = GetCurrentTimestamp();
  auto hint = static_cast<TimestampTz>(pg_atomic_read_u64(&state->delayed_due));
  if (hint != 0) {
    hint = static_cast<TimestampTz>(pg_atomic_exchange_u64(&state->delayed_due, 0));
    if (hint != 0) {
      next_due_ = Min(next_due_, hint);
      floor_ = Min(floor_, hint);
    }
  }
  bool from_beginning = now - kLookAgainMicros >= looked_at_ || now < looked_at_;
  if (!from_beginning && now < next_due_) return;
  if (from_beginning) {
    looked_at_ = now;
    floor_ = DT_NOBEGIN;
  }
  ErrorData* error = TryTransaction([&] {
    PushActiveSnapshot(GetTransactionSnapshot());
    Release(now);
    PopActiveSnapshot();
    CrashPoint("delayed.before_commit");
  });
  CrashPoint("delayed.after_commit");
  if (error == nullptr) return;
  next_due_ = now + kLookAgainMicros;
  floor_ = DT_NOBEGIN;
  if (TimestampDifferenceExceeds(complained_at_, now, 60000)) {
    complained_at_ = now;
    ereport(LOG, errmsg("sequin could not publish delayed messages: %s", error->message));
  }
  FreeErrorData(error);
}

long DelayedMessages::MillisecondsLeft() const {
  TimestampTz until = Min(next_due_, looked_at_ + kLookAgainMicros);
  return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);
}

// ---- those who publish -------------------------------------------------------------------------

static TimestampTz pending_due = 0;  // 0: none
static bool callback_registered = false;

static void AtTransactionEnd(XactEvent event, void*) {
  bool over =
      event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE;
  if (!over || pending_due == 0) return;
  auto due = static_cast<uint64>(pending_due);
  pending_due = 0;
  DatabaseState* state = event == XACT_EVENT_COMMIT && Shared() != nullptr
                             ? FindDatabase(MyDatabaseId, false)
                             : nullptr;
  if (state == nullptr) return;
  uint64 seen = pg_atomic_read_u64(&state->delayed_due);
  while ((seen == 0 || due < seen) &&
         !pg_atomic_compare_exchange_u64(&state->delayed_due, &seen, due)) {
  }
  WakeWorker(state);
}

void TellDelayedAtCommit(TimestampTz deliver_at) {
  if (!callback_registered) RegisterXactCallback(AtTransactionEnd, nullptr);
  callback_registered = true;
  if (pending_due == 0 || deliver_at < pending_due) pending_due = deliver_at;
}

}  // namespace sequin
