// Writing the state by key (key_state.h).
#include "stream/key_state.h"

#include "pg/table.h"
#include "stream/stream_columns.h"

namespace sequin {

void KeyState::Init(MemoryContext parent, MemoryContext slice) {
  *this = KeyState{};
  context_ = NewContext(parent, "sequin key state");
  slice_ = slice;
  staged_.context = context_;
  pending_.context = context_;
  HASHCTL by_key{};
  by_key.keysize = sizeof(HashKey);
  by_key.entrysize = sizeof(HashEntry);
  by_key.hcxt = context_;
  by_key_ = hash_create("sequin staged keys", 1024, &by_key, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  HASHCTL counts{};
  counts.keysize = sizeof(int32);
  counts.entrysize = sizeof(Count);
  counts.hcxt = context_;
  counts_ = hash_create("sequin stream counts", 64, &counts, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

// ---- staging -----------------------------------------------------------------------------------

// A stream that holds all messages stages them all; else only the newest of a key is written.
void KeyState::Take(std::string_view rows, int64 seq, TimestampTz commit_time) {
  while (!rows.empty()) {
    Staged staged{};
    memcpy(&staged.row, rows.data(), sizeof(staged.row));
    std::string_view key = rows.substr(sizeof(staged.row), staged.row.key_bytes);
    rows.remove_prefix(MAXALIGN(sizeof(staged.row) + staged.row.key_bytes));
    char* copy = static_cast<char*>(MemoryContextAlloc(slice_, key.size() + 1));
    memcpy(copy, key.data(), key.size());
    staged.key = copy;
    staged.seq = seq;
    staged.time = staged.first_time = commit_time;
    if (staged.row.kind != kStreamMessage) {
      HashKey hash_key{};
      hash_key.hash = staged.row.hash;
      hash_key.owner = staged.row.owner;
      hash_key.kind = staged.row.kind;
      bool found;
      auto* entry = static_cast<HashEntry*>(hash_search(by_key_, &hash_key, HASH_ENTER, &found));
      if (!found) entry->newest = 0;
      if (Staged* earlier = EarlierOf(staged, entry)) {
        earlier->replaced = true;
        staged.first_time = earlier->first_time;
      }
      staged.next_of_hash = entry->newest;
      entry->newest = staged_.count + 1;
    }
    staged_.push(staged);
  }
}

static bool SameKey(const StateRow& one, const char* one_key, const StateRow& other,
                    const char* other_key) {
  return one.relation == other.relation && one.key_bytes == other.key_bytes &&
         memcmp(one_key, other_key, one.key_bytes) == 0;
}

// The one of the same key that was staged last.
KeyState::Staged* KeyState::EarlierOf(const Staged& staged, HashEntry* entry) {
  for (size_t at = entry->newest; at != 0; at = staged_[at - 1].next_of_hash) {
    Staged& other = staged_[at - 1];
    if (SameKey(other.row, other.key, staged.row, staged.key)) return &other;
  }
  return nullptr;
}

// ---- streams -----------------------------------------------------------------------------------

// Deletes what is there of the key; returns the time of its first message.
TimestampTz KeyState::DeleteEarlier(const Staged& staged, Count* count) {
  TimestampTz first_time = staged.first_time;
  ScanKeyData keys[2] = {KeyInt4(1, BTEqualStrategyNumber, staged.row.owner)};
  ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_TEXTEQ,
              TextDatum({staged.key, staged.row.key_bytes}));
  messages_by_key_.Seek(keys);
  while (TupleTableSlot* slot = messages_by_key_.Next(BackwardScanDirection)) {
    first_time = DatumGetTimestampTz(SlotColumn(slot, stream_message_column::kFirstTime));
    count->messages--;
    count->bytes -= DatumGetInt32(SlotColumn(slot, stream_message_column::kBytes));
    bool alone = DatumGetBool(SlotColumn(slot, stream_message_column::kAlone));
    ForgetKept(DatumGetInt64(SlotColumn(slot, stream_message_column::kSeq)));
    // The stream was altered between two messages of one slice.
    bool just_written =
        DatumGetInt64(SlotColumn(slot, stream_message_column::kSeq)) >= staged_[0].seq;
    ItemPointerData tid = slot->tts_tid;
    messages_by_key_.Pause();
    if (just_written) CommandCounterIncrement();
    messages_.Delete(tid);
    // Behind it are only its own dead predecessors, perhaps a great many.
    if (alone) break;
  }
  messages_by_key_.Pause();
  return first_time;
}

void KeyState::WriteStreamMessage(const Staged& staged) {
  Count* count = CountOf(staged.row.owner);
  bool alone = staged.row.kind == kStreamMessageAlone;
  // It may replace messages of a time when the stream held them all.
  if (alone && pending_not_alone_) InsertPending();
  TimestampTz first_time = alone ? DeleteEarlier(staged, count) : staged.time;
  Datum values[stream_message_column::kColumns] = {};
  bool nulls[stream_message_column::kColumns] = {};
  auto set = [&](stream_message_column::Number column, Datum value) { values[column - 1] = value; };
  set(stream_message_column::kStream, Int32GetDatum(staged.row.owner));
  set(stream_message_column::kBytes, Int32GetDatum(static_cast<int32>(staged.row.bytes)));
  set(stream_message_column::kSeq, Int64GetDatum(staged.seq));
  set(stream_message_column::kFirstTime, TimestampTzGetDatum(first_time));
  set(stream_message_column::kTime, TimestampTzGetDatum(staged.time));
  set(stream_message_column::kAlone, BoolGetDatum(alone));
  set(stream_message_column::kKey, TextDatum({staged.key, staged.row.key_bytes}));
  pending_.push(heap_form_tuple(RelationGetDescr(messages_.table()), values, nulls));
  pending_not_alone_ = pending_not_alone_ || !alone;
  count->messages++;
  count->bytes += staged.row.bytes;
  count->dirty = true;
}

// Many rows with one record of the WAL for each page.
void KeyState::InsertPending() {
  static constexpr int kRowsMax = 256;
  pending_not_alone_ = false;
  if (pending_.empty()) return;
  Relation table = messages_.table();
  TupleTableSlot* slots[kRowsMax];
  int slot_count = static_cast<int>(Min(pending_.count, size_t{kRowsMax}));
  for (int i = 0; i < slot_count; i++) {
    slots[i] = MakeSingleTupleTableSlot(RelationGetDescr(table), &TTSOpsHeapTuple);
  }
  for (size_t at = 0; at < pending_.count; at += kRowsMax) {
    int count = static_cast<int>(Min(pending_.count - at, size_t{kRowsMax}));
    for (int i = 0; i < count; i++) ExecStoreHeapTuple(pending_[at + i], slots[i], false);
    heap_multi_insert(table, slots, count, GetCurrentCommandId(true), 0, nullptr);
    for (int i = 0; i < count; i++) {
      messages_.InsertIndexEntriesOf(slots[i]);
      ExecClearTuple(slots[i]);
    }
  }
  for (int i = 0; i < slot_count; i++) ExecDropSingleTupleTableSlot(slots[i]);
  for (HeapTuple tuple : pending_) heap_freetuple(tuple);
  pending_.clear();
}

// ---- latest ------------------------------------------------------------------------------------

void KeyState::WriteLatest(const Staged& staged) {
  std::string_view key{staged.key, staged.row.key_bytes};
  auto hash = static_cast<int64>(staged.row.hash);
  ScanKeyData keys[] = {KeyInt4(1, BTEqualStrategyNumber, staged.row.owner),
                        KeyInt8(2, BTEqualStrategyNumber, hash)};
  latest_by_hash_.Seek(keys);
  while (TupleTableSlot* slot = latest_by_hash_.Next(BackwardScanDirection)) {
    bool same =
        DatumGetObjectId(SlotColumn(slot, latest_column::kRelation)) == staged.row.relation &&
        TextView(SlotColumn(slot, latest_column::kKey)) == key;
    if (!same) continue;
    ItemPointerData tid = slot->tts_tid;
    latest_by_hash_.Pause();
    latest_.Delete(tid);
    break;
  }
  latest_by_hash_.Pause();
  Datum values[latest_column::kColumns] = {
      Int32GetDatum(staged.row.owner), ObjectIdGetDatum(staged.row.relation), Int64GetDatum(hash),
      Int64GetDatum(staged.seq), TextDatum(key)};
  bool nulls[latest_column::kColumns] = {};
  latest_.Insert(values, nulls, true);
}

// ---- counts ------------------------------------------------------------------------------------

KeyState::Count* KeyState::CountOf(int32 stream) {
  bool found;
  auto* count = static_cast<Count*>(hash_search(counts_, &stream, HASH_ENTER, &found));
  if (found) return count;
  *count = Count{};
  count->stream = stream;
  Relation table = OpenOwnTable("stream_count", AccessShareLock);
  ScanKeyData key = KeyInt4(1, BTEqualStrategyNumber, stream);
  ScanPrimaryKey(table, SnapshotSelf, {&key, 1}, Direction::kForward, [&](HeapTuple tuple) {
    bool is_null;
    count->messages = DatumGetInt64(ColumnOf(table, tuple, 2, &is_null));
    count->bytes = DatumGetInt64(ColumnOf(table, tuple, 3, &is_null));
    InContext(context_, [&] { count->row.Keep(table, heap_copytuple(tuple)); });
    return false;
  });
  CloseOwnTable(table);
  return count;
}

ItemPointer KeyState::Count::Place(Relation table) {
  ScanKeyData key = KeyInt4(1, BTEqualStrategyNumber, stream);
  return row.Place(table, {&key, 1});
}

// The version to replace is known: no search, however many dead versions a held snapshot keeps.
void KeyState::WriteCounts() {
  Relation table = nullptr;
  HASH_SEQ_STATUS scan;
  hash_seq_init(&scan, counts_);
  while (auto* count = static_cast<Count*>(hash_seq_search(&scan))) {
    if (!count->dirty) continue;
    count->dirty = false;
    if (table == nullptr) table = OpenOwnTable("stream_count", RowExclusiveLock);
    Datum values[3] = {Int32GetDatum(count->stream), Int64GetDatum(count->messages),
                       Int64GetDatum(count->bytes)};
    bool nulls[3] = {};
    HeapTuple before = count->row.tuple;
    ItemPointerData place;
    if (before != nullptr) place = *count->Place(table);
    InContext(context_, [&] {
      count->row.Keep(table, heap_form_tuple(RelationGetDescr(table), values, nulls));
    });
    if (before == nullptr) {
      CatalogTupleInsert(table, count->row.tuple);
    } else {
      CatalogTupleUpdate(table, &place, count->row.tuple);
      heap_freetuple(before);
    }
  }
  if (table != nullptr) CloseOwnTable(table);
}

// ---- forgetting --------------------------------------------------------------------------------

// Messages from there on are in no row of log_kept; 0: not known yet.
static int64 kept_below = 0;

void NoteKeptBelow(int64 seq) {
  if (kept_below != 0) kept_below = Max(kept_below, seq);
}

static void LoadKeptBelow() {
  kept_below = 1;
  Relation table = OpenOwnTable("log_kept", AccessShareLock);
  ScanPrimaryKey(table, SnapshotSelf, {}, Direction::kBackward, [&](HeapTuple tuple) {
    bool is_null;
    kept_below = Max(kept_below, DatumGetInt64(ColumnOf(table, tuple, 1, &is_null)) + 1);
    return false;
  });
  CloseOwnTable(table);
}

// The copy in log_kept of a message that the stream does not hold any more.
void KeyState::ForgetKept(int64 seq) {
  if (kept_below == 0) LoadKeptBelow();
  if (seq >= kept_below) return;
  TableWriter kept;
  kept.Open("log_kept");
  ScanKeyData key = KeyInt8(1, BTEqualStrategyNumber, seq);
  ScanPrimaryKey(kept.table(), SnapshotSelf, {&key, 1}, Direction::kForward, [&](HeapTuple tuple) {
    kept.Delete(tuple->t_self);
    return false;
  });
  kept.Close();
}

void KeyState::ForgetCount(Count* count) {
  Relation table = OpenOwnTable("stream_count", RowExclusiveLock);
  if (count->row.tuple != nullptr) {
    simple_heap_delete(table, count->Place(table));
    heap_freetuple(count->row.tuple);
  }
  CloseOwnTable(table);
  int32 stream = count->stream;
  hash_search(counts_, &stream, HASH_REMOVE, nullptr);
}

int KeyState::Trim(const TrimRange& range, int limit) {
  int deleted = 0;
  bool emptied = true;
  Count* count = CountOf(range.stream);
  messages_.Open("stream_message");
  IndexProbe rows;
  rows.Open(messages_.table(), RelationGetPrimaryKeyIndex(messages_.table()), SnapshotSelf, 1);
  ScanKeyData key = KeyInt4(1, BTEqualStrategyNumber, range.stream);
  rows.Seek({&key, 1});
  while (TupleTableSlot* slot = rows.Next()) {
    int64 seq = DatumGetInt64(SlotColumn(slot, stream_message_column::kSeq));
    TimestampTz time = DatumGetTimestampTz(SlotColumn(slot, stream_message_column::kTime));
    if (deleted == limit || seq >= range.below_seq || time >= range.before) {
      emptied = false;
      break;
    }
    count->messages--;
    count->bytes -= DatumGetInt32(SlotColumn(slot, stream_message_column::kBytes));
    count->dirty = true;
    messages_.Delete(slot->tts_tid);
    ForgetKept(seq);
    deleted++;
  }
  rows.Close();
  messages_.Close();
  WriteCounts();
  bool dropped = range.below_seq == PG_INT64_MAX && range.before == PG_INT64_MAX;
  if (dropped && emptied) {
    CommandCounterIncrement();
    ForgetCount(count);
  }
  return deleted;
}

// No entry of any consumer is older than the oldest segment.
int KeyState::TrimLatest(int64 below_seq, int limit) {
  if (below_seq > latest_below_) {
    latest_below_ = below_seq;
    latest_done_ = false;
    latest_consumer_ = 0;
    latest_hash_ = PG_INT64_MIN;
  }
  if (latest_done_) return 0;
  int looked = 0;
  latest_.Open("latest");
  Oid index = RelationGetPrimaryKeyIndex(latest_.table());
  IndexProbe rows, others;
  rows.Open(latest_.table(), index, SnapshotSelf, 2);
  others.Open(latest_.table(), index, SnapshotSelf, 1);
  while (looked < limit) {
    ScanKeyData keys[] = {KeyInt4(1, BTEqualStrategyNumber, latest_consumer_),
                          KeyInt8(2, BTGreaterEqualStrategyNumber, latest_hash_)};
    rows.Seek(keys);
    TupleTableSlot* slot;
    while (looked < limit && (slot = rows.Next()) != nullptr) {
      looked++;
      latest_hash_ = DatumGetInt64(SlotColumn(slot, latest_column::kHash));
      int64 seq = DatumGetInt64(SlotColumn(slot, latest_column::kSeq));
      if (seq < below_seq) latest_.Delete(slot->tts_tid);
    }
    if (looked == limit) break;
    ScanKeyData next = KeyInt4(1, BTGreaterStrategyNumber, latest_consumer_);
    others.Seek({&next, 1});
    slot = others.Next();
    latest_done_ = slot == nullptr;
    if (latest_done_) break;
    latest_consumer_ = DatumGetInt32(SlotColumn(slot, latest_column::kConsumer));
    latest_hash_ = PG_INT64_MIN;
  }
  others.Close();
  rows.Close();
  latest_.Close();
  return latest_done_ ? 0 : limit;
}

// ---- the whole ---------------------------------------------------------------------------------

void KeyState::Flush() {
  if (staged_.empty()) return;
  messages_.Open("stream_message");
  latest_.Open("latest");
  messages_by_key_.Open(messages_.table(), OwnTableOid("stream_message_key"), SnapshotSelf, 2);
  latest_by_hash_.Open(latest_.table(), RelationGetPrimaryKeyIndex(latest_.table()), SnapshotSelf,
                       2);
  for (const Staged& staged : staged_) {
    if (staged.replaced) continue;
    if (staged.row.kind == kLatestOfConsumer) {
      WriteLatest(staged);
    } else {
      WriteStreamMessage(staged);
    }
  }
  InsertPending();
  latest_by_hash_.Close();
  messages_by_key_.Close();
  latest_.Close();
  messages_.Close();
  WriteCounts();
  staged_.clear();
  HASH_SEQ_STATUS scan;
  hash_seq_init(&scan, by_key_);
  while (auto* entry = static_cast<HashEntry*>(hash_seq_search(&scan))) {
    hash_search(by_key_, &entry->key, HASH_REMOVE, nullptr);
  }
  CommandCounterIncrement();
}

}  // namespace sequin
