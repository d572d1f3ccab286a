// Reading the queue's tables (queue_tables.h). Writing is in queue_writes.cpp.
#include "queue/queue_tables.h"

#include "pg/memory.h"
#include "pg/table.h"
#include "queue/ack_id.h"
#include "queue/candidates.h"
#include "queue/queue_columns.h"
#include "queue/queue_locks.h"
#include "stream/latest_reader.h"

namespace sequin {

Memory MemoryOf(MemoryContext context) {
  return Memory{
      context,
      [](void* home, size_t bytes) {
        return MemoryContextAllocHuge(static_cast<MemoryContext>(home), bytes);
      },
      [](void*, void* block) { pfree(block); },
  };
}

void QueueTables::Open() {
  context_ = CurrentMemoryContext;
  locked_claims_ = {};
  claim_.Open("claim");
  held_.Open("held");
  settle_.Open("settle");
}

void QueueTables::OpenForReading(Snapshot snapshot) {
  snapshot_ = snapshot;
  context_ = CurrentMemoryContext;
  claim_.OpenForReading("claim");
  held_.OpenForReading("held");
  settle_.OpenForReading("settle");
}

// Probes live as long as the tables are open, whatever context they are first used in.
void QueueTables::OpenProbe(IndexProbe* probe, const TableWriter& table, const char* index,
                            Snapshot snapshot, int key_count) {
  if (probe->is_open()) return;
  Oid oid = index ? OwnTableOid(index) : RelationGetPrimaryKeyIndex(table.table());
  InContext(context_, [&] { probe->Open(table.table(), oid, snapshot, key_count); });
}

void QueueTables::Close() {
  for (IndexProbe* probe :
       {&newest_claim_, &claims_from_, &settles_, &dirty_settles_, &returned_, &held_after_,
        &held_last_, &held_all_, &held_barriers_, &held_of_relation_, &held_waiting_,
        &candidates_[0], &candidates_[1], &ready_}) {
    probe->Close();
  }
  if (latest_ != nullptr) latest_->Close();
  route_.Close();
  log_.Close();
  claim_.Close();
  held_.Close();
  settle_.Close();
}

// ---- claims ------------------------------------------------------------------------------------

void QueueTables::VisitClaims(IndexProbe* probe, ScanDirection direction, bool with_entries,
                              VisitClaim visit) {
  while (TupleTableSlot* slot = probe->Next(direction)) {
    CHECK_FOR_INTERRUPTS();
    slot_getallattrs(slot);
    Datum* values = slot->tts_values;
    ClaimRow row{};
    row.epoch = DatumGetInt32(values[claim_column::kEpoch]);
    row.no = DatumGetInt64(values[claim_column::kNo]);
    row.nonce = DatumGetInt64(values[claim_column::kNonce]);
    row.next_ord = DatumGetInt64(values[claim_column::kNextOrd]);
    row.low_no = DatumGetInt64(values[claim_column::kLowNo]);
    row.keep = DatumGetInt64(values[claim_column::kKeep]);
    row.last_rewind = DatumGetInt64(values[claim_column::kLastRewind]);
    row.taken_at = DatumGetTimestampTz(values[claim_column::kTakenAt]);
    row.expires = DatumGetTimestampTz(values[claim_column::kExpires]);
    row.n = DatumGetInt32(values[claim_column::kN]);
    row.rewind = DatumGetChar(values[claim_column::kKind]) == 'r';
    row.has_request = !slot->tts_isnull[claim_column::kRequest];
    if (row.has_request) {
      memcpy(row.request, DatumGetUUIDP(values[claim_column::kRequest])->data, UUID_LEN);
    }
    if (with_entries) {
      row.entries = TextView(values[claim_column::kEntries]);
      bool has_list = !slot->tts_isnull[claim_column::kOpenClaims];
      if (has_list) row.open_claims = TextView(values[claim_column::kOpenClaims]);
    }
    claim_handle_ = HandleOf(slot->tts_tid);
    if (!visit(row)) break;
  }
  probe->Pause();
}

bool QueueTables::NewestClaim(VisitClaim visit) {
  OpenProbe(&newest_claim_, claim_, nullptr, snapshot_, 1);
  ScanKeyData key = KeyInt4(1, BTEqualStrategyNumber, consumer_);
  newest_claim_.Seek({&key, 1});
  bool found = false;
  VisitClaims(&newest_claim_, BackwardScanDirection, false, [&](const ClaimRow& row) {
    found = true;
    visit(row);
    return false;
  });
  return found;
}

void QueueTables::ScanClaims(int64 from, bool with_entries, VisitClaim visit) {
  OpenProbe(&claims_from_, claim_, nullptr, snapshot_, 2);
  ScanKeyData keys[] = {KeyInt4(1, BTEqualStrategyNumber, consumer_),
                        KeyInt8(2, BTGreaterEqualStrategyNumber, from)};
  claims_from_.Seek(keys);
  VisitClaims(&claims_from_, ForwardScanDirection, with_entries, visit);
}

void QueueTables::ClaimsFrom(int64_t no, VisitClaim visit) {
  ScanClaims(no, true, visit);
}

bool QueueTables::FindClaim(int64_t no, bool with_entries, VisitClaim visit) {
  bool found = false;
  ScanClaims(no, with_entries, [&](const ClaimRow& row) {
    found = row.no == no;
    if (found) visit(row);
    return false;
  });
  return found;
}

// ---- settles -----------------------------------------------------------------------------------

void QueueTables::VisitSettles(IndexProbe* probe, const SnapshotData* dirty, VisitSettle visit) {
  while (TupleTableSlot* slot = probe->Next()) {
    CHECK_FOR_INTERRUPTS();
    slot_getallattrs(slot);
    Datum* values = slot->tts_values;
    SettleRow row{};
    row.no = DatumGetInt64(values[settle_column::kNo]);
    row.pos = DatumGetInt32(values[settle_column::kPos]);
    row.outcome = static_cast<Outcome>(DatumGetChar(values[settle_column::kOutcome]));
    row.absorbed = DatumGetBool(values[settle_column::kAbsorbed]);
    row.ready_at = DatumGetTimestampTz(values[settle_column::kReadyAt]);
    if (!slot->tts_isnull[settle_column::kError]) {
      row.error = TextView(values[settle_column::kError]);
    }
    row.in_progress = dirty != nullptr && TransactionIdIsValid(dirty->xmin);
    row.handle = row.in_progress ? dirty->xmin : HandleOf(slot->tts_tid);
    if (!visit(row)) break;
  }
  probe->Pause();
}

void QueueTables::Settles(int64_t no, int32_t from_pos, int32_t to_pos, VisitSettle visit) {
  OpenProbe(&settles_, settle_, nullptr, snapshot_, 4);
  ScanKeyData keys[] = {KeyInt4(1, BTEqualStrategyNumber, consumer_),
                        KeyInt8(2, BTEqualStrategyNumber, no),
                        KeyInt4(3, BTGreaterEqualStrategyNumber, from_pos),
                        KeyInt4(3, BTLessEqualStrategyNumber, to_pos)};
  settles_.Seek(keys);
  VisitSettles(&settles_, nullptr, visit);
}

void QueueTables::DirtySettles(int64_t no, VisitSettle visit) {
  DirtySettles(no, PG_INT32_MIN, PG_INT32_MAX, visit);
}

void QueueTables::DirtySettles(int64_t no, int32_t from_pos, int32_t to_pos, VisitSettle visit) {
  InitDirtySnapshot(dirty_);
  OpenProbe(&dirty_settles_, settle_, nullptr, &dirty_, 4);
  ScanKeyData keys[] = {KeyInt4(1, BTEqualStrategyNumber, consumer_),
                        KeyInt8(2, BTEqualStrategyNumber, no),
                        KeyInt4(3, BTGreaterEqualStrategyNumber, from_pos),
                        KeyInt4(3, BTLessEqualStrategyNumber, to_pos)};
  dirty_settles_.Seek(keys);
  VisitSettles(&dirty_settles_, &dirty_, visit);
}

void QueueTables::Returned(VisitSettle visit) {
  OpenProbe(&returned_, settle_, "settle_returned", snapshot_, 1);
  ScanKeyData key = KeyInt4(1, BTEqualStrategyNumber, consumer_);
  returned_.Seek({&key, 1});
  // The index may still name older versions of a row: the predicate is that of the version.
  VisitSettles(&returned_, nullptr,
               [&](const SettleRow& row) { return row.absorbed || visit(row); });
}

bool QueueTables::TryLockClaim(int64_t no) {
  if (!sequin::TryLockClaim(consumer_, no)) return false;
  InContext(context_, [&] { locked_claims_.push(no); });
  return true;
}

void QueueTables::UnlockClaims() {
  for (int64 no : locked_claims_) UnlockClaim(consumer_, no);
  locked_claims_.clear();
}

int64_t QueueTables::NewNonce() {
  uint64 random;
  if (!pg_strong_random(&random, sizeof(random))) {
    ereport(ERROR, errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not get random bytes"));
  }
  return static_cast<int64>(random) & kNonceMask;
}

// ---- held --------------------------------------------------------------------------------------

bool QueueTables::VisitHeldRow(TupleTableSlot* slot, VisitHeld visit) {
  slot_getallattrs(slot);
  Datum* values = slot->tts_values;
  HeldRow row{};
  row.relation = DatumGetObjectId(values[held_column::kRelation]);
  row.group = static_cast<uint64>(DatumGetInt64(values[held_column::kGroup]));
  row.ord = DatumGetInt64(values[held_column::kOrd]);
  row.ready_at = DatumGetTimestampTz(values[held_column::kReadyAt]);
  row.wait = DatumGetInt64(values[held_column::kWait]);
  row.barrier = DatumGetBool(values[held_column::kBarrierRow]);
  row.entries = TextView(values[held_column::kEntries]);
  if (!slot->tts_isnull[held_column::kError]) row.error = TextView(values[held_column::kError]);
  row.handle = HandleOf(slot->tts_tid);
  return visit(row);
}

void QueueTables::VisitHeldRows(IndexProbe* probe, ScanDirection direction, VisitHeld visit) {
  while (TupleTableSlot* slot = probe->Next(direction)) {
    CHECK_FOR_INTERRUPTS();
    if (!VisitHeldRow(slot, visit)) break;
  }
  probe->Pause();
}

void QueueTables::HeldAfter(uint64_t group, int64_t ord, VisitHeld visit) {
  OpenProbe(&held_after_, held_, nullptr, snapshot_, 3);
  ScanKeyData keys[] = {KeyInt4(1, BTEqualStrategyNumber, consumer_),
                        KeyInt8(2, BTEqualStrategyNumber, static_cast<int64>(group)),
                        KeyInt8(3, BTGreaterStrategyNumber, ord)};
  held_after_.Seek(keys);
  VisitHeldRows(&held_after_, ForwardScanDirection, visit);
}

void QueueTables::HeldLast(uint64_t group, VisitHeld visit) {
  OpenProbe(&held_last_, held_, nullptr, snapshot_, 2);
  ScanKeyData keys[] = {KeyInt4(1, BTEqualStrategyNumber, consumer_),
                        KeyInt8(2, BTEqualStrategyNumber, static_cast<int64>(group))};
  held_last_.Seek(keys);
  VisitHeldRows(&held_last_, BackwardScanDirection, visit);
}

void QueueTables::HeldAll(VisitHeld visit) {
  OpenProbe(&held_all_, held_, nullptr, snapshot_, 1);
  ScanKeyData key = KeyInt4(1, BTEqualStrategyNumber, consumer_);
  held_all_.Seek({&key, 1});
  VisitHeldRows(&held_all_, ForwardScanDirection, visit);
}

void QueueTables::HeldBarriers(VisitHeld visit) {
  OpenProbe(&held_barriers_, held_, "held_relation", snapshot_, 2);
  ScanKeyData keys[2] = {KeyInt4(1, BTEqualStrategyNumber, consumer_)};
  ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_BOOLEQ, BoolGetDatum(true));
  held_barriers_.Seek(keys);
  VisitHeldRows(&held_barriers_, ForwardScanDirection, visit);
}

void QueueTables::HeldOfRelation(uint32_t relation, bool barriers, VisitHeld visit) {
  OpenProbe(&held_of_relation_, held_, "held_relation", snapshot_, 3);
  ScanKeyData keys[3] = {KeyInt4(1, BTEqualStrategyNumber, consumer_)};
  ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_BOOLEQ, BoolGetDatum(barriers));
  ScanKeyInit(&keys[2], 3, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));
  held_of_relation_.Seek(keys);
  VisitHeldRows(&held_of_relation_, ForwardScanDirection, visit);
}

void QueueTables::HeldWaiting(int64_t after, VisitHeld visit) {
  OpenProbe(&held_waiting_, held_, "held_front", snapshot_, 2);
  ScanKeyData keys[] = {KeyInt4(1, BTEqualStrategyNumber, consumer_),
                        KeyInt8(2, BTGreaterStrategyNumber, after)};
  held_waiting_.Seek(keys);
  VisitHeldRows(&held_waiting_, ForwardScanDirection, visit);
}

// Only the first entry of a row is looked at: it is the oldest.
void QueueTables::ForEachHeldRow(FunctionRef<void(int32 n, const Entry& first)> visit) {
  OpenProbe(&held_all_, held_, nullptr, snapshot_, 1);
  ScanKeyData key = KeyInt4(1, BTEqualStrategyNumber, consumer_);
  held_all_.Seek({&key, 1});
  while (TupleTableSlot* slot = held_all_.Next()) {
    CHECK_FOR_INTERRUPTS();
    int64 ord = DatumGetInt64(SlotColumn(slot, held_column::kOrd + 1));
    std::string_view bytes = TextView(SlotColumn(slot, held_column::kEntries + 1));
    EntryReader reader(bytes.data(), bytes.size(), ord);
    Entry first;
    if (!reader.Read(&first)) Damaged("held", ord);
    visit(DatumGetInt32(SlotColumn(slot, held_column::kN + 1)), first);
  }
}

static ScanKeyData KeyTime(AttrNumber column, StrategyNumber strategy, TimestampTz value) {
  ScanKeyData key;
  RegProcedure proc = strategy == BTEqualStrategyNumber     ? F_TIMESTAMPTZ_EQ
                      : strategy == BTGreaterStrategyNumber ? F_TIMESTAMPTZ_GT
                                                            : F_TIMESTAMPTZ_LE;
  ScanKeyInit(&key, column, strategy, proc, TimestampTzGetDatum(value));
  return key;
}

bool QueueTables::NextCandidate(bool delayed, int64_t now, VisitHeld visit) {
  IndexProbe* probe = &candidates_[delayed ? 1 : 0];
  if (!probe->is_open()) {
    OpenProbe(probe, held_, "held_front", snapshot_, delayed ? 4 : 3);
    ScanKeyData keys[4] = {
        KeyInt4(1, BTEqualStrategyNumber, consumer_), KeyInt8(2, BTEqualStrategyNumber, 0),
        KeyTime(3, delayed ? BTGreaterStrategyNumber : BTEqualStrategyNumber, kAtOnce),
        KeyTime(3, BTLessEqualStrategyNumber, now)};
    probe->Seek({keys, static_cast<size_t>(delayed ? 4 : 3)});
  }
  TupleTableSlot* slot = probe->Next();
  if (slot == nullptr) return false;
  VisitHeldRow(slot, visit);
  probe->Pause();
  return true;
}

int64_t QueueTables::NextReady(int64_t now) {
  OpenProbe(&ready_, held_, "held_front", snapshot_, 3);
  ScanKeyData keys[] = {KeyInt4(1, BTEqualStrategyNumber, consumer_),
                        KeyInt8(2, BTEqualStrategyNumber, 0),
                        KeyTime(3, BTGreaterStrategyNumber, now)};
  ready_.Seek(keys);
  TupleTableSlot* slot = ready_.Next();
  if (slot == nullptr) return INT64_MAX;
  int64 ready_at = DatumGetTimestampTz(SlotColumn(slot, held_column::kReadyAt + 1));
  ready_.Pause();
  return ready_at;
}

// ---- the rest ----------------------------------------------------------------------------------

void QueueTables::SeekRoute(int64_t ord) {
  route_.Seek(ord);
}

bool QueueTables::NextRoute(Entry* entry) {
  return route_.Next(entry);
}

int64_t QueueTables::EntryBytes(int64_t seq) {
  return log_.BytesOf(seq);
}

Judgement QueueTables::Judge(const Entry& entry) {
  return judge_ ? judge_->Judge(entry) : Judgement{Verdict::kTake};
}

bool QueueTables::Superseded(const Entry& entry) {
  return latest_ != nullptr && latest_->Superseded(entry, &log_);
}

void QueueTables::CheckInterrupts() {
  CHECK_FOR_INTERRUPTS();
}

void QueueTables::Damaged(const char* where, int64_t at) {
  ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED),
          errmsg("table \"sequin.%s\" is damaged: consumer %d, row " INT64_FORMAT, where, consumer_,
                 static_cast<int64>(at)));
}

}  // namespace sequin
