// Appending to the log: slices, rows and routes (appender.h). Progress, segments and definitions
// are in appender_state.cpp.
#include "log/appender.h"

#include "capture/settings.h"
#include "decode/encode.h"
#include "pg/crash_point.h"
#include "pg/planted_bug.h"
#include "pg/table.h"
#include "pg/transaction.h"
#include "wake/wake.h"

namespace sequin {

void Appender::Init(MemoryContext parent) {
  *this = Appender{};
  context_ = NewContext(parent, "sequin appender");
  slice_ = NewContext(context_, "sequin slice");
  dirty_.context = context_;
  route_rows_.context = context_;
  starts_.context = context_;
  key_state_.Init(context_, slice_);
  staged_ = NewArray<HeapTupleData>(context_, kStagedMax);
  staged_seqs_ = NewArray<int64>(context_, kStagedMax);
  slots_ = NewArray<TupleTableSlot*>(context_, kStagedMax);
  HASHCTL control{};
  control.keysize = sizeof(int32);
  control.entrysize = sizeof(ConsumerRoute);
  control.hcxt = context_;
  routes_ = hash_create("sequin routes", 128, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

// ---- rows ---------------------------------------------------------------------------------------

static void InsertIndexEntry(Relation table, Relation index, IndexInfo* info, std::span<Datum> keys,
                             ItemPointer tid) {
  bool nulls[INDEX_MAX_KEYS] = {};
  // One writer and rising keys: uniqueness needs no check.
  index_insert(index, keys.data(), nulls, tid, table, UNIQUE_CHECK_NO, false, info);
}

void Appender::FlushLogRows() {
  if (staged_count_ == 0) return;
  for (; slots_made_ < staged_count_; slots_made_++) {
    InContext(context_, [&] {
      slots_[slots_made_] = MakeSingleTupleTableSlot(log_descriptor_, &TTSOpsHeapTuple);
    });
  }
  for (int i = 0; i < staged_count_; i++) ExecStoreHeapTuple(&staged_[i], slots_[i], false);
  heap_multi_insert(log_, slots_, staged_count_, GetCurrentCommandId(true), HEAP_INSERT_SKIP_FSM,
                    nullptr);
  auto count = static_cast<size_t>(staged_count_);
  EnterLogRows(log_, log_indexes_, {slots_, count}, {staged_seqs_, count});
  last_block_ = ItemPointerGetBlockNumber(&slots_[count - 1]->tts_tid);
  for (size_t i = 0; i < count; i++) ExecClearTuple(slots_[i]);
  staged_count_ = 0;
}

void Appender::TakeRecord(ChangeRecord* record, TimestampTz commit_time) {
  char* base = reinterpret_cast<char*>(record);
  char* tuple = base + MAXALIGN(sizeof(ChangeRecord));
  char* targets = tuple + MAXALIGN(record->tuple_bytes);
  HeapTupleData row{};
  row.t_len = record->tuple_bytes;
  row.t_data = reinterpret_cast<HeapTupleHeader>(tuple);
  ItemPointerSetInvalid(&row.t_self);
  auto* target = reinterpret_cast<Target*>(targets);
  if (window_.IsOpen() && record->target_count > 0 && !window_.Admit(&row, target)) return;
  int64 seq = progress_.next_seq++;
  memcpy(reinterpret_cast<char*>(row.t_data) + kLogSeqOffset, &seq, sizeof(seq));
  staged_seqs_[staged_count_] = seq;
  staged_[staged_count_++] = row;
  segment_bytes_ += record->tuple_bytes + 32;

  for (uint32 i = 0; i < record->target_count; i++) {
    ConsumerRoute* route = RouteOf(target[i].consumer);
    // None: dropped by a later transaction of the same batch.
    if (route != nullptr && !route->starting) AddEntry(route, target[i], seq);
  }
  if (record->letter_bytes > 0) WriteLetters(record, &row);
  if (record->state_bytes > 0) {
    const char* states =
        targets + MAXALIGN(sizeof(Target) * record->target_count) + MAXALIGN(record->letter_bytes);
    key_state_.Take({states, record->state_bytes}, seq, commit_time);
  }
  if (staged_count_ == kStagedMax) FlushLogRows();
}

// ---- routes -------------------------------------------------------------------------------------

Appender::ConsumerRoute* Appender::RouteOf(int32 consumer) {
  ConsumerRoute*& recent = recent_[static_cast<uint32>(consumer) % kRecentRoutes];
  if (recent != nullptr && recent->consumer == consumer) return recent;
  auto* found = static_cast<ConsumerRoute*>(hash_search(routes_, &consumer, HASH_FIND, nullptr));
  if (found != nullptr) recent = found;
  return found;
}

void Appender::RemoveRoute(ConsumerRoute* route) {
  size_t kept = 0;
  for (ConsumerRoute* other : dirty_) {
    if (other != route) dirty_[kept++] = other;
  }
  dirty_.count = kept;
  pfree(route->bytes);
  pfree(route->writer);
  int32 consumer = route->consumer;
  recent_[static_cast<uint32>(consumer) % kRecentRoutes] = nullptr;
  hash_search(routes_, &consumer, HASH_REMOVE, nullptr);
}

void Appender::AddEntry(ConsumerRoute* route, const Target& target, int64 seq) {
  if (!route->dirty) {
    route->dirty = true;
    dirty_.push(route);
  }
  if (route->count == 0) {
    route->base_ord = route->next_ord;
    *route->writer = EntryWriter(route->base_ord);
    route->used = 0;
  }
  Entry entry;
  entry.ord = route->next_ord++;
  entry.seq = seq;
  if (Planted("neighbour_routed") && entry.ord % 256 == 255) entry.seq--;
  entry.group = target.group;
  if (Planted("group_split")) entry.group += static_cast<uint64>(seq % 2);
  entry.second_group = target.second_group;
  entry.relation = target.relation;
  entry.flags = static_cast<uint8_t>(target.flags);
  route->used += route->writer->Write(entry, route->bytes + route->used);
  if (++route->count == kRouteEntriesMax) CloseRouteRow(route);
}

void Appender::CloseRouteRow(ConsumerRoute* route) {
  InContext(slice_, [&] {
    Datum values[4] = {Int32GetDatum(route->consumer), Int64GetDatum(route->base_ord),
                       Int16GetDatum(static_cast<int16>(route->count)),
                       ByteaDatum({route->bytes, route->used})};
    bool nulls[4] = {};
    route_rows_.push(heap_form_tuple(route_descriptor_, values, nulls));
  });
  segment_bytes_ += static_cast<int64>(route->used) + 64;
  route->count = 0;
}

void Appender::FlushRoutes() {
  for (ConsumerRoute* route : dirty_) {
    if (route->count > 0) CloseRouteRow(route);
  }
  if (route_rows_.empty()) return;
  Relation index = index_open(RelationGetPrimaryKeyIndex(route_), RowExclusiveLock);
  IndexInfo* info = BuildDummyIndexInfo(index);
  for (size_t at = 0; at < route_rows_.count; at += kRouteSlots) {
    int count = static_cast<int>(Min(size_t{kRouteSlots}, route_rows_.count - at));
    for (int i = 0; i < count; i++) {
      TupleTableSlot*& slot = route_slots_[i];
      if (slot == nullptr) {
        slot = InContext(context_, [&] {
          return MakeSingleTupleTableSlot(route_descriptor_, &TTSOpsHeapTuple);
        });
      }
      ExecStoreHeapTuple(route_rows_[at + static_cast<size_t>(i)], slot, false);
    }
    heap_multi_insert(route_, route_slots_, count, GetCurrentCommandId(true), HEAP_INSERT_SKIP_FSM,
                      nullptr);
    for (int i = 0; i < count; i++) {
      HeapTuple row = route_rows_[at + static_cast<size_t>(i)];
      bool is_null;
      Datum keys[2] = {heap_getattr(row, 1, route_descriptor_, &is_null),
                       heap_getattr(row, 2, route_descriptor_, &is_null)};
      InsertIndexEntry(route_, index, info, keys, &route_slots_[i]->tts_tid);
      ExecClearTuple(route_slots_[i]);
    }
  }
  index_close(index, NoLock);
}

// ---- slices -------------------------------------------------------------------------------------

// Not between the forms of one change: after a restart capture goes on with the change behind it.
bool Appender::SliceMayEnd(Batch* batch) {
  if (progress_.part_lsn == InvalidXLogRecPtr) return true;
  if (batch->AtChunkEnd()) FlushLogRows();
  ChangeRecord* next = batch->FrontRecord();
  return next == nullptr || next->commit_idx >= progress_.part_idx;
}

// One transaction. Stops at the limits, in the middle of a source transaction if need be.
void Appender::WriteSlice(Batch* batch, size_t* visible) {
  // A process with this flag is left out of snapshots: its rows would be taken for aborted.
  if (MyProc->statusFlags & PROC_IN_LOGICAL_DECODING) {
    elog(FATAL, "sequin would write while marked as logical decoding");
  }
  RotateIfDue();
  int64 rows = 0;
  size_t bytes = 0;
  TimestampTz commit_time = 0;
  replorigin_session_origin = DoNotReplicateId;
  InTransaction([&] {
    OpenSegment();
    WriteRelations(batch);
    while (*visible > 0) {
      bool full = rows >= BatchRows() || bytes >= kSliceBytesMax;
      // A chunk of a backfill is not parted: it is small, and its window is looked up once.
      if (full && !window_.IsOpen() && SliceMayEnd(batch)) break;
      Transaction& transaction = batch->TransactionAt(0);
      if (transaction.feed != nullptr && !window_.IsOpen()) {
        // What comes before must be committed, so that it can be read.
        if (rows > 0) break;
        window_.Open(*transaction.feed, slice_, log_descriptor_);
      }
      commit_time = transaction.commit_time;
      if (transaction.records > 0 && batch->AtChunkEnd()) FlushLogRows();
      ChangeRecord* record = batch->NextRecord();
      if (record != nullptr) {
        rows++;
        bytes += record->bytes;
        progress_.part_lsn = transaction.commit_lsn;
        progress_.part_idx = record->commit_idx + 1;
        if (Planted("slice_tail_lost") && rows == BatchRows()) continue;
        TakeRecord(record, transaction.commit_time);
        continue;
      }
      ApplyEvents(transaction);
      progress_.lsn = transaction.end_lsn;
      progress_.part_lsn = InvalidXLogRecPtr;
      progress_.part_idx = 0;
      window_.Close();
      batch->FinishFirstTransaction();
      --*visible;
    }
    FlushLogRows();
    key_state_.Flush();
    FlushRoutes();
    WriteProgress();
    CloseSegment();
    CrashPoint("capture.before_commit");
  });
  replorigin_session_origin = InvalidRepOriginId;
  CrashPoint("capture.after_commit");
  last_commit_end_ = XactLastCommitEnd;
  commit_time_ = commit_time;
  WakeDirty();
  batch->Trim();
  MemoryContextReset(slice_);
}

void Appender::WakeDirty() {
  for (ConsumerRoute* route : dirty_) {
    route->dirty = false;
    WakeConsumer(route->consumer);
  }
  dirty_.clear();
  route_rows_.clear();
}

size_t Appender::WriteVisible(Batch* batch) {
  size_t total = batch->TransactionCount();
  size_t visible = 0;
  while (visible < total && (Planted("visibility_unchecked") ||
                             !TransactionIdIsInProgress(batch->TransactionAt(visible).xid))) {
    visible++;
  }
  size_t left = total - visible;
  for (;;) {
    CHECK_FOR_INTERRUPTS();
    // A transaction of which a part is in the log is never empty: its end is still to be written.
    if (XLogRecPtrIsInvalid(progress_.part_lsn)) visible -= batch->SkipEmpty(visible);
    if (visible == 0) break;
    WriteSlice(batch, &visible);
  }
  batch->Trim();
  return left;
}

}  // namespace sequin
