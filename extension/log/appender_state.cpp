// Appending to the log: progress, definitions, dead letters of capture (appender.h).
#include "log/appender.h"

#include "capture/names.h"
#include "capture/place.h"
#include "capture/settings.h"
#include "catalog/consumer.h"
#include "decode/encode.h"
#include "decode/relation_plan.h"
#include "log/progress_columns.h"
#include "pg/monotonic.h"
#include "pg/planted.h"
#include "pg/table.h"
#include "pg/transaction.h"
#include "queue/dead_letters.h"
#include "queue/log_relation.h"

namespace sequin {

// The slot may run ahead of the log by this much WAL without a write: a manual advance beyond it
// is noticed at the next start.
static constexpr XLogRecPtr kConfirmStep = 16 * 1024 * 1024;
static constexpr int64 kRotateAgainUs = 10 * USECS_PER_SEC;

static TimeLineID Timeline() {
  TimeLineID timeline;
  GetFlushRecPtr(&timeline);
  return timeline;
}

bool Appender::SameTimeline() const {
  return progress_.timeline == Timeline();
}

// No transaction that commits behind the confirmed position has an older one. 0: there is no slot.
static uint64 OldestXid() {
  TransactionId xid = MyReplicationSlot ? MyReplicationSlot->data.catalog_xmin : 0;
  if (!TransactionIdIsNormal(xid)) return 0;
  FullTransactionId next = ReadNextFullTransactionId();
  uint64 epoch = EpochFromFullTransactionId(next);
  if (xid > XidFromFullTransactionId(next)) epoch--;
  return epoch << 32 | xid;
}

// ---- progress -----------------------------------------------------------------------------------

bool Appender::LoadProgress() {
  Relation log = OpenOwnTable("log_0", AccessShareLock);
  Relation route = OpenOwnTable("route_0", AccessShareLock);
  InContext(context_, [&] {
    log_descriptor_ = CreateTupleDescCopy(RelationGetDescr(log));
    route_descriptor_ = CreateTupleDescCopy(RelationGetDescr(route));
  });
  table_close(route, AccessShareLock);
  table_close(log, AccessShareLock);

  Relation table = OpenOwnTable("progress", AccessShareLock);
  bool found = false;
  ScanPrimaryKey(table, GetActiveSnapshot(), {}, Direction::kForward, [&](HeapTuple tuple) {
    found = true;
    bool is_null;
    auto column = [&](ProgressColumn number) {
      return ColumnOf(table, tuple, static_cast<AttrNumber>(number), &is_null);
    };
    using enum ProgressColumn;
    progress_.incarnation = DatumGetInt32(column(kIncarnation));
    progress_.lsn = DatumGetLSN(column(kLsn));
    progress_.part_lsn = DatumGetLSN(column(kPartLsn));
    progress_.part_idx = DatumGetInt64(column(kPartIdx));
    progress_.next_seq = DatumGetInt64(column(kNextSeq));
    progress_.stopped = DatumGetBool(column(kStopped));
    XLogRecPtr limit = DatumGetLSN(column(kConfirmLimit));
    progress_.confirm_limit = is_null ? InvalidXLogRecPtr : limit;
    expects_new_slot_ = !is_null && limit == progress_.lsn;
    progress_.timeline = static_cast<TimeLineID>(DatumGetInt32(column(kTimeline)));
    Datum oldest = column(kOldestXid);
    progress_.oldest_xid = is_null ? 0 : DatumGetUInt64(oldest);
    place_ = MemoryContextStrdup(context_, TextDatumGetCString(column(kFingerprint)));
    same_place_ =
        strcmp(place_, Place()) == 0 &&
        strcmp(NameStr(*DatumGetName(column(kSlot))), SlotNameOf(MyDatabaseId).text) == 0 &&
        DatumGetInt64(column(kSystemId)) == static_cast<int64>(GetSystemIdentifier());
    InContext(context_, [&] { progress_row_.Keep(table, heap_copytuple(tuple)); });
    return false;
  });
  table_close(table, NoLock);
  return found;
}

void Appender::CreateProgress(const char* slot, XLogRecPtr start) {
  Relation table = OpenOwnTable("progress", RowExclusiveLock);
  NameData slot_name;
  namestrcpy(&slot_name, slot);
  Datum values[kProgressColumns] = {BoolGetDatum(true),
                                    NameGetDatum(&slot_name),
                                    Int64GetDatum(static_cast<int64>(GetSystemIdentifier())),
                                    Int32GetDatum(static_cast<int32>(Timeline())),
                                    TextDatum(Place()),
                                    Int32GetDatum(0),
                                    LSNGetDatum(start),
                                    LSNGetDatum(InvalidXLogRecPtr),
                                    Int64GetDatum(0),
                                    Int64GetDatum(1),
                                    LSNGetDatum(start + kConfirmStep),
                                    BoolGetDatum(false),
                                    UInt64GetDatum(OldestXid())};
  bool nulls[kProgressColumns] = {};
  CatalogTupleInsert(table, heap_form_tuple(RelationGetDescr(table), values, nulls));
  table_close(table, NoLock);
}

// The row is of another place: it was copied together with the database.
template <typename Set>
static void SetPlace(Set&& set) {
  auto* slot = static_cast<Name>(palloc(NAMEDATALEN));
  namestrcpy(slot, SlotNameOf(MyDatabaseId).text);
  set(ProgressColumn::kSlot, NameGetDatum(slot));
  set(ProgressColumn::kFingerprint, TextDatum(Place()));
}

// The version to replace is known: no scan, however many dead versions a held snapshot keeps.
void Appender::WriteProgress() {
  Relation table = OpenOwnTable("progress", RowExclusiveLock);
  progress_.confirm_limit = expects_new_slot_
                                ? progress_.lsn
                                : Max(progress_.confirm_limit, progress_.lsn + kConfirmStep);
  // A new slot knows nothing of the transactions in the gap before it.
  if (MyReplicationSlot != nullptr && !expects_new_slot_) progress_.oldest_xid = OldestXid();
  Datum values[kProgressColumns] = {};
  bool nulls[kProgressColumns] = {};
  bool replace[kProgressColumns] = {};
  auto set = [&](ProgressColumn column, Datum value) {
    values[static_cast<int>(column) - 1] = value;
    replace[static_cast<int>(column) - 1] = true;
  };
  using enum ProgressColumn;
  set(kSystemId, Int64GetDatum(static_cast<int64>(GetSystemIdentifier())));
  set(kTimeline, Int32GetDatum(static_cast<int32>(Timeline())));
  if (!same_place_) SetPlace(set);
  set(kIncarnation, Int32GetDatum(progress_.incarnation));
  if (!Planted("progress_forgotten")) set(kLsn, LSNGetDatum(progress_.lsn));
  set(kPartLsn, LSNGetDatum(progress_.part_lsn));
  set(kPartIdx, Int64GetDatum(progress_.part_idx));
  set(kNextSeq, Int64GetDatum(progress_.next_seq));
  set(kConfirmLimit, LSNGetDatum(progress_.confirm_limit));
  set(kOldestXid, UInt64GetDatum(progress_.oldest_xid));
  set(kStopped, BoolGetDatum(false));  // otherwise nobody would write
  ItemPointerData place = *progress_row_.Place(table, {});
  HeapTuple old_row = progress_row_.tuple;
  InContext(context_, [&] {
    progress_row_.tuple =
        heap_modify_tuple(old_row, RelationGetDescr(table), values, nulls, replace);
  });
  CatalogTupleUpdate(table, &place, progress_row_.tuple);
  heap_freetuple(old_row);
  table_close(table, NoLock);
}

void Appender::AllowConfirm(XLogRecPtr lsn) {
  if (lsn <= progress_.confirm_limit) return;
  progress_.confirm_limit = lsn + kConfirmStep;
  replorigin_session_origin = DoNotReplicateId;
  InTransaction([&] { WriteProgress(); });
  replorigin_session_origin = InvalidRepOriginId;
  XLogFlush(XactLastCommitEnd);
}

// ---- SPI: what happens seldom -------------------------------------------------------------------

static void Execute(const char* command, std::span<const Oid> types, std::span<Datum> values,
                    const char* nulls = nullptr) {
  SPI_connect();
  int result =
      SPI_execute_with_args(command, static_cast<int>(types.size()), const_cast<Oid*>(types.data()),
                            values.data(), nulls, false, 0);
  if (result < 0) elog(ERROR, "%s: %s", command, SPI_result_code_string(result));
  SPI_finish();
}

void Appender::WriteRelations(Batch* batch) {
  for (const RelationName& name : batch->new_relations()) {
    Oid types[] = {INT4OID, OIDOID, TEXTOID, TEXTOID, LSNOID};
    Datum values[] = {Int32GetDatum(name.id), ObjectIdGetDatum(name.reloid), TextDatum(name.schema),
                      TextDatum(name.table), LSNGetDatum(progress_.lsn)};
    Execute("INSERT INTO sequin.relation VALUES ($1, $2, $3, $4, $5)", types, values);
  }
  batch->new_relations().clear();
}

// Definitions come into force for the log where their transaction stands in it.
void Appender::ApplyEvents(const Transaction& transaction) {
  for (int i = 0; i < transaction.event_count; i++) {
    const DefinitionEvent& event = transaction.events[i];
    if (event.definition != nullptr) {
      Oid types[] = {INT4OID, LSNOID, TEXTOID};
      Datum values[] = {Int32GetDatum(event.consumer), LSNGetDatum(transaction.commit_lsn),
                        TextDatum(event.definition)};
      Execute(
          "INSERT INTO sequin.routing VALUES ($1, $2, $3) ON CONFLICT (consumer) DO UPDATE "
          "SET since = excluded.since, definition = excluded.definition",
          types, values);
      bool created = RouteOf(event.consumer) == nullptr;
      if (created) {
        AddConsumer(event.consumer, 0);
        Oid start_types[] = {INT4OID, INT4OID};
        Datum start[] = {Int32GetDatum(event.consumer), Int32GetDatum(segment_no_)};
        Execute("INSERT INTO sequin.segment_start VALUES ($1, $2, 0)", start_types, start);
      }
      ApplySource(event.consumer, event.definition, created);
    } else if (ConsumerRoute* route = RouteOf(event.consumer)) {
      RemoveRoute(route);
      Oid types[] = {INT4OID};
      Datum values[] = {Int32GetDatum(event.consumer)};
      Execute("DELETE FROM sequin.routing WHERE consumer = $1", types, values);
      Execute("DELETE FROM sequin.segment_start WHERE consumer = $1", types, values);
      ForgetKeys(event.consumer);
    }
  }
}

static LogRow LogRowOf(HeapTuple row, TupleDesc descriptor, int32 incarnation) {
  bool is_null;
  auto column = [&](LogColumn number) {
    return heap_getattr(row, number + 1, descriptor, &is_null);
  };
  LogRow log{};
  log.seq = DatumGetInt64(column(kLogSeq));
  log.incarnation = incarnation;
  log.commit_lsn = DatumGetLSN(column(kLogCommitLsn));
  log.commit_time = DatumGetTimestampTz(column(kLogCommitTime));
  log.commit_idx = DatumGetInt64(column(kLogCommitIdx));
  log.relation = DatumGetInt32(column(kLogRelation));
  log.action = DatumGetChar(column(kLogAction));
  SplitKey(TextView(column(kLogKey)), &log);
  log.record = TextView(column(kLogRecord));
  log.changes = TextView(column(kLogChanges));
  log.meta = TextView(column(kLogMeta));
  return log;
}

// A consumer that meanwhile was dropped needs no letter.
static void WriteLetter(const Letter& letter, std::string_view error, const LogRow& row) {
  const Consumer* consumer = FindConsumerIfAny(letter.consumer);
  if (consumer == nullptr) return;
  EnvelopeWriter envelopes(consumer);
  DeadLetterWriter letters(consumer);
  letters.Open();
  Entry entry;
  entry.ord = kNotInRoute;
  entry.seq = row.seq;
  letters.Write(entry, "capture_error", error, &row, &envelopes);
  letters.Close();
}

void Appender::WriteLetters(const ChangeRecord* record, HeapTuple row) {
  const char* base = reinterpret_cast<const char*>(record);
  const char* at = base + MAXALIGN(sizeof(ChangeRecord)) + MAXALIGN(record->tuple_bytes) +
                   MAXALIGN(sizeof(Target) * record->target_count);
  const char* end = at + record->letter_bytes;
  LogRow log = LogRowOf(row, log_descriptor_, progress_.incarnation);
  while (at < end) {
    Letter letter;
    memcpy(&letter, at, sizeof(letter));
    at += sizeof(letter);
    WriteLetter(letter, {at, letter.bytes}, log);
    at += letter.bytes;
  }
}

// ---- consumers' routes --------------------------------------------------------------------------

void Appender::AddConsumer(int32 consumer, int64 next_ord) {
  auto* route = static_cast<ConsumerRoute*>(hash_search(routes_, &consumer, HASH_ENTER, nullptr));
  *route = ConsumerRoute{};
  route->consumer = consumer;
  route->next_ord = next_ord;
  route->writer = static_cast<EntryWriter*>(MemoryContextAlloc(context_, sizeof(EntryWriter)));
  route->bytes = static_cast<char*>(
      MemoryContextAlloc(context_, kEntryBytesMax * static_cast<size_t>(kRouteEntriesMax)));
}

// Where each consumer's ordinals go on: behind its last route row in the open segment, or at its
// start in that segment.
void Appender::LoadRoutes() {
  OpenSegment();
  Relation starts = OpenOwnTable("segment_start", AccessShareLock);
  ScanPrimaryKey(starts, GetActiveSnapshot(), {}, Direction::kForward, [&](HeapTuple tuple) {
    bool is_null;
    int32 consumer = DatumGetInt32(ColumnOf(starts, tuple, 1, &is_null));
    if (DatumGetInt32(ColumnOf(starts, tuple, 2, &is_null)) != segment_no_) return true;
    int64 next_ord = DatumGetInt64(ColumnOf(starts, tuple, 3, &is_null));
    ScanKeyData key[] = {KeyInt4(1, BTEqualStrategyNumber, consumer)};
    ScanPrimaryKey(route_, GetActiveSnapshot(), key, Direction::kBackward, [&](HeapTuple last) {
      next_ord = DatumGetInt64(ColumnOf(route_, last, 2, &is_null)) +
                 DatumGetInt16(ColumnOf(route_, last, 3, &is_null));
      return false;
    });
    AddConsumer(consumer, next_ord);
    return true;
  });
  table_close(starts, NoLock);
  CloseSegment();
}

void Appender::LoadDefinitions(Routing* routing) {
  Relation table = OpenOwnTable("routing", AccessShareLock);
  ScanPrimaryKey(table, GetActiveSnapshot(), {}, Direction::kForward, [&](HeapTuple tuple) {
    bool is_null;
    int32 consumer = DatumGetInt32(ColumnOf(table, tuple, 1, &is_null));
    std::string_view text = TextView(ColumnOf(table, tuple, 3, &is_null));
    routing->Set(consumer, pnstrdup(text.data(), text.size()));
    return true;
  });
  table_close(table, NoLock);
}

void Appender::LoadNames(RelationPlans* plans) {
  Relation table = OpenOwnTable("relation", AccessShareLock);
  ScanPrimaryKey(table, GetActiveSnapshot(), {}, Direction::kForward, [&](HeapTuple tuple) {
    bool is_null;
    auto text = [&](AttrNumber column) {
      std::string_view view = TextView(ColumnOf(table, tuple, column, &is_null));
      return pnstrdup(view.data(), view.size());
    };
    int32 id = DatumGetInt32(ColumnOf(table, tuple, 1, &is_null));
    if (id >= kForeignNamesFrom) return false;
    plans->LoadName(id, DatumGetObjectId(ColumnOf(table, tuple, 2, &is_null)), text(3), text(4));
    return true;
  });
  table_close(table, NoLock);
}

// ---- segments -----------------------------------------------------------------------------------

void Appender::OpenSegment() {
  if (segment_no_ == 0) {
    Relation table = OpenOwnTable("segment", AccessShareLock);
    ScanPrimaryKey(table, GetActiveSnapshot(), {}, Direction::kBackward, [&](HeapTuple tuple) {
      bool is_null;
      segment_no_ = DatumGetInt32(ColumnOf(table, tuple, 1, &is_null));
      log_oid_ = DatumGetObjectId(ColumnOf(table, tuple, 2, &is_null));
      route_oid_ = DatumGetObjectId(ColumnOf(table, tuple, 3, &is_null));
      segment_incarnation_ = DatumGetInt32(ColumnOf(table, tuple, 4, &is_null));
      return false;
    });
    table_close(table, NoLock);
    if (segment_no_ == 0) CreateSegment();
  }
  log_ = table_open(log_oid_, RowExclusiveLock);
  route_ = table_open(route_oid_, RowExclusiveLock);
  // They cannot go while the table is locked; those that are made meanwhile wait for us.
  log_indexes_ = LogIndexesOf(log_);
  if (segment_bytes_ == 0) {
    BlockNumber blocks = RelationGetNumberOfBlocks(log_);
    segment_bytes_ = static_cast<int64>(blocks) * BLCKSZ;
    last_block_ = blocks == 0 ? 0 : blocks - 1;
    described_ranges_ = 0;
    range_pages_ = LogRangePages(log_indexes_);
  }
}

void Appender::CloseSegment() {
  table_close(route_, NoLock);
  table_close(log_, NoLock);
  log_ = route_ = nullptr;
}

// A transaction of its own, before the slice that goes into the new segment. While there cannot be
// a new one, an event trigger that is ENABLE ALWAYS may be against it, the full one grows on.
void Appender::RotateIfDue() {
  bool full = segment_bytes_ >= SegmentBytes() && MonotonicMicros() >= rotate_again_at_;
  bool other_incarnation = segment_no_ != 0 && segment_incarnation_ != progress_.incarnation;
  if (!full && !other_incarnation) return;
  replorigin_session_origin = DoNotReplicateId;
  ErrorData* error = InContext(context_, [&] {
    return TryTransaction([&] {
      PushActiveSnapshot(GetTransactionSnapshot());
      DescribeRest();
      CreateSegment();
      PopActiveSnapshot();
    });
  });
  replorigin_session_origin = InvalidRepOriginId;
  if (error == nullptr) return;
  if (other_incarnation) ReThrowError(error);
  rotate_again_at_ = MonotonicMicros() + kRotateAgainUs;
  ereport(WARNING, errmsg("sequin could not begin a segment of the log: %s", error->message),
          errdetail("The last one grows beyond sequin.segment_size until it can."));
  FreeErrorData(error);
}

void Appender::CreateSegment() {
  int32 no = segment_no_ + 1;
  SPI_connect();
  auto run = [](const char* command) {
    if (SPI_execute(command, false, 0) < 0) elog(ERROR, "could not run: %s", command);
  };
  for (const char* kind : {"log", "route"}) {
    // A route row of 256 entries is to stay in its page, not to go to TOAST.
    WithoutEventTriggers([&] {
      run(psprintf(
          "CREATE TABLE sequin.%s_%d (LIKE sequin.%s_0 INCLUDING ALL) "
          "WITH (autovacuum_enabled = off, toast.autovacuum_enabled = off%s)",
          kind, no, kind, strcmp(kind, "route") == 0 ? ", toast_tuple_target = 8160" : ""));
      run(psprintf("ALTER EXTENSION sequin ADD TABLE sequin.%s_%d", kind, no));
      // The view sequin.log reads all that inherit.
      if (strcmp(kind, "log") == 0) {
        run(psprintf("ALTER TABLE sequin.log_%d INHERIT sequin.log_0", no));
      }
    });
  }
  run(
      psprintf("INSERT INTO sequin.segment VALUES (%d, 'sequin.log_%d'::pg_catalog.regclass,"
               " 'sequin.route_%d'::pg_catalog.regclass, %d, %lld, pg_catalog.clock_timestamp())",
               no, no, no, progress_.incarnation, static_cast<long long>(progress_.next_seq)));
  HASH_SEQ_STATUS scan;
  hash_seq_init(&scan, routes_);
  while (auto* route = static_cast<ConsumerRoute*>(hash_seq_search(&scan))) {
    run(psprintf("INSERT INTO sequin.segment_start VALUES (%d, %d, %lld)", route->consumer, no,
                 static_cast<long long>(route->next_ord)));
  }
  SPI_finish();
  CommandCounterIncrement();
  char log[NAMEDATALEN], route[NAMEDATALEN];
  pg_snprintf(log, sizeof(log), "log_%d", no);
  pg_snprintf(route, sizeof(route), "route_%d", no);
  log_oid_ = OwnTableOid(log);
  route_oid_ = OwnTableOid(route);
  segment_no_ = no;
  segment_incarnation_ = progress_.incarnation;
  segment_bytes_ = 0;
}

}  // namespace sequin
