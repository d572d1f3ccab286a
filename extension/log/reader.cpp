// Reading route and log (reader.h).
#include "log/reader.h"

#include "pg/table.h"

namespace sequin {

// A position so little ahead is reached by stepping; others by descending the index again.
static constexpr int64 kStepMax = 16;

// ---- route -------------------------------------------------------------------------------------

enum RouteColumn : AttrNumber { kRouteConsumer = 1, kRouteOrd, kRouteN, kRouteEntries };

void RouteReader::Seek(int64 ord) {
  wanted_ = ord;
  located_ = false;
  entries_.clear();
  at_ = 0;
}

bool RouteReader::OpenSegment(int32 no) {
  CloseSegment();
  const Segment* segment = FindSegment(no);
  if (segment == nullptr) return false;
  route_ = try_relation_open(segment->route, AccessShareLock);
  if (route_ == nullptr) {
    ForgetSegments();
    return false;
  }
  segment_ = no;
  return true;
}

void RouteReader::CloseSegment() {
  rows_.Close();
  if (route_ != nullptr) table_close(route_, NoLock);
  route_ = nullptr;
}

void RouteReader::Close() {
  CloseSegment();
  entries_ = {};
  at_ = 0;
  located_ = false;
}

void RouteReader::Decode(TupleTableSlot* slot) {
  int64 ord = DatumGetInt64(SlotColumn(slot, kRouteOrd));
  int32 n = DatumGetInt16(SlotColumn(slot, kRouteN));
  std::string_view bytes = TextView(SlotColumn(slot, kRouteEntries));
  EntryReader reader(bytes.data(), bytes.size(), ord);
  entries_.clear();
  at_ = 0;
  Entry entry;
  while (reader.Read(&entry)) entries_.push(entry);
  if (reader.Damaged() || entries_.count != static_cast<size_t>(n)) {
    ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED),
            errmsg("route of consumer %d is damaged at ordinal " INT64_FORMAT, consumer_, ord));
  }
}

// Positions the scan behind the row with the wanted ordinal, which is decoded; false: no such row.
bool RouteReader::StartHere(int64 ord) {
  rows_.Close();
  rows_.Open(route_, RelationGetPrimaryKeyIndex(route_), SnapshotSelf, 2);
  ScanKeyData keys[] = {KeyInt4(1, BTEqualStrategyNumber, consumer_),
                        KeyInt8(2, BTLessEqualStrategyNumber, ord)};
  rows_.Seek(keys);
  int64 from = ord;
  bool found = false;
  if (TupleTableSlot* slot = rows_.Next(BackwardScanDirection)) {
    int64 row_ord = DatumGetInt64(SlotColumn(slot, kRouteOrd));
    if (row_ord + DatumGetInt16(SlotColumn(slot, kRouteN)) > ord) {
      Decode(slot);
      at_ = static_cast<size_t>(ord - row_ord);
      from = row_ord + static_cast<int64>(entries_.count);
      found = true;
    }
  }
  rows_.Close();
  rows_.Open(route_, RelationGetPrimaryKeyIndex(route_), SnapshotSelf, 2);
  ScanKeyData after[] = {KeyInt4(1, BTEqualStrategyNumber, consumer_),
                         KeyInt8(2, BTGreaterEqualStrategyNumber, from)};
  rows_.Seek(after);
  return found;
}

// The row after the last one. Not the one after a row that is not visible yet.
bool RouteReader::NextRow() {
  TupleTableSlot* slot = rows_.Next();
  if (slot == nullptr) return false;
  if (DatumGetInt64(SlotColumn(slot, kRouteOrd)) != wanted_) return false;
  Decode(slot);
  return true;
}

// Goes on in the next segment that is still there.
bool RouteReader::EnterNextSegment() {
  SegmentStart start;
  int32 no = segment_;
  while (NextSegmentStart(consumer_, no, &start)) {
    // Rows of the last segment that were committed after it was read come first.
    if (start.ord > wanted_ && route_ != nullptr && StartHere(wanted_)) return true;
    no = start.segment;
    if (!OpenSegment(no)) continue;
    if (start.ord > wanted_) wanted_ = start.ord;
    start_ = start.ord;
    if (StartHere(wanted_)) return true;
  }
  return false;
}

bool RouteReader::Next(Entry* entry) {
  if (at_ == entries_.count) {
    entries_.clear();
    at_ = 0;
    if (!located_) {
      SegmentStart start;
      if (!FindSegmentStart(consumer_, wanted_, &start)) return false;
      located_ = true;
      segment_ = start.segment;
      if (start.ord > wanted_) wanted_ = start.ord;
      bool here = OpenSegment(start.segment) && StartHere(wanted_);
      if (!here && !EnterNextSegment()) return located_ = false;
    } else if (!NextRow() && !EnterNextSegment()) {
      return located_ = false;
    }
  }
  *entry = entries_[at_++];
  wanted_ = entry->ord + 1;
  return true;
}

// Ordinals are without holes but where segments were dropped, and those are at the beginning.
RouteRange RouteOf(int32 consumer) {
  SegmentStart start;
  if (!FindSegmentStart(consumer, PG_INT64_MIN, &start)) return {0, 0};
  RouteRange range{start.ord, start.ord};
  FindSegmentStart(consumer, PG_INT64_MAX, &start);
  range.end = start.ord;
  const Segment* segment = FindSegment(start.segment);
  Relation route = segment ? try_relation_open(segment->route, AccessShareLock) : nullptr;
  if (route != nullptr) {
    ScanKeyData key = KeyInt4(kRouteConsumer, BTEqualStrategyNumber, consumer);
    ScanPrimaryKey(route, SnapshotSelf, {&key, 1}, Direction::kBackward, [&](HeapTuple tuple) {
      bool is_null;
      range.end = DatumGetInt64(ColumnOf(route, tuple, kRouteOrd, &is_null)) +
                  DatumGetInt16(ColumnOf(route, tuple, kRouteN, &is_null));
      return false;
    });
    table_close(route, AccessShareLock);
  }
  return range;
}

int64 RouteEntriesFrom(int32 consumer, int64 ord) {
  RouteRange range = RouteOf(consumer);
  return Max(range.end - Max(ord, range.first), 0);
}

// ---- log ---------------------------------------------------------------------------------------

enum LogColumn : AttrNumber {
  kSeq = 1,
  kCommitLsn,
  kCommitTime,
  kCommitIdx,
  kXid,
  kRelation,
  kForm,
  kAction,
  kKey,
  kRecord,
  kChanges,
  kMeta,
};

bool LogReader::OpenSegmentOf(int64 seq) {
  if (log_ != nullptr && seq >= first_seq_ && seq < end_seq_) return true;
  std::span<const Segment> segments = ReadSegments();
  size_t i = segments.size();
  while (i > 0 && segments[i - 1].first_seq > seq) i--;
  return i > 0 && OpenSegment(segments, i - 1);
}

bool LogReader::OpenSegment(std::span<const Segment> segments, size_t i) {
  CloseSegment();
  first_seq_ = segments[i].first_seq;
  end_seq_ = i + 1 < segments.size() ? segments[i + 1].first_seq : PG_INT64_MAX;
  incarnation_ = segments[i].incarnation;
  log_ = try_relation_open(segments[i].log, AccessShareLock);
  if (log_ == nullptr) {
    ForgetSegments();
    return false;
  }
  rows_.Open(log_);
  return true;
}

void LogReader::CloseSegment() {
  rows_.Close();
  if (log_ != nullptr) table_close(log_, NoLock);
  log_ = nullptr;
  positioned_ = false;
}

// JSON has no line feed inside of strings.
void SplitKey(std::string_view stored, LogRow* row) {
  size_t end = stored.find('\n');
  row->key = stored.substr(0, end);
  row->group = end == std::string_view::npos ? std::string_view() : stored.substr(end + 1);
}

void LogReader::Close() {
  CloseSegment();
  texts_ = nullptr;  // of the context that was current; it may be opened in another one
  kept_rows_.Close();
  if (kept_ != nullptr) table_close(kept_, NoLock);
  kept_ = nullptr;
}

Datum LogReader::Column(TupleTableSlot* slot, int column) const {
  bool shifted = from_kept_ && column > kSeq;
  return SlotColumn(slot, static_cast<AttrNumber>(shifted ? column + 1 : column));
}

void LogReader::Fill(TupleTableSlot* slot, LogRow* row) {
  row->seq = DatumGetInt64(Column(slot, kSeq));
  row->incarnation = from_kept_ ? DatumGetInt32(SlotColumn(slot, kSeq + 1)) : incarnation_;
  row->commit_lsn = DatumGetLSN(Column(slot, kCommitLsn));
  row->commit_time = DatumGetTimestampTz(Column(slot, kCommitTime));
  row->commit_idx = DatumGetInt64(Column(slot, kCommitIdx));
  row->xid = DatumGetTransactionId(Column(slot, kXid));
  row->relation = DatumGetInt32(Column(slot, kRelation));
  row->form = DatumGetInt16(Column(slot, kForm));
  row->action = DatumGetChar(Column(slot, kAction));
  SplitKey(TextView(Column(slot, kKey)), row);
  row->record = TextView(Column(slot, kRecord));
  row->changes = TextView(Column(slot, kChanges));
  row->meta = TextView(Column(slot, kMeta));
}

bool LogReader::Find(int64 seq, LogRow* row) {
  if (texts_ == nullptr) texts_ = NewContext(CurrentMemoryContext, "sequin log texts");
  MemoryContextReset(texts_);
  TupleTableSlot* slot = FindSlot(seq);
  if (slot == nullptr) return false;
  InContext(texts_, [&] { Fill(slot, row); });
  return true;
}

bool LogReader::FindFrom(int64 seq, LogRow* row) {
  from_kept_ = false;
  std::span<const Segment> segments = ReadSegments();
  for (size_t i = 0; i < segments.size(); i++) {
    if (i + 1 < segments.size() && segments[i + 1].first_seq <= seq) continue;
    bool open = log_ != nullptr && first_seq_ == segments[i].first_seq;
    if (!open && !OpenSegment(segments, i)) continue;
    TupleTableSlot* slot = SeekFrom(seq);
    if (slot == nullptr) continue;
    *row = LogRow{};
    row->seq = DatumGetInt64(Column(slot, kSeq));
    row->incarnation = incarnation_;
    row->commit_lsn = DatumGetLSN(Column(slot, kCommitLsn));
    row->commit_time = DatumGetTimestampTz(Column(slot, kCommitTime));
    row->commit_idx = DatumGetInt64(Column(slot, kCommitIdx));
    return true;
  }
  return false;
}

int64 LogReader::BytesOf(int64 seq) {
  TupleTableSlot* slot = FindSlot(seq);
  int64 bytes = 0;
  for (LogColumn column : {kKey, kRecord, kChanges, kMeta}) {
    if (slot != nullptr) {
      bytes += static_cast<int64>(toast_raw_datum_size(Column(slot, column)) - VARHDRSZ);
    }
  }
  return bytes;
}

TupleTableSlot* LogReader::FindSlot(int64 seq) {
  from_kept_ = false;
  for (int tries = 0; tries < 2; tries++) {
    if (!OpenSegmentOf(seq)) break;
    if (TupleTableSlot* slot = Seek(seq)) return slot;
    // Perhaps it is in a segment that came after those that are known.
    if (end_seq_ != PG_INT64_MAX) break;
    CloseSegment();
  }
  return FindKept(seq);
}

TupleTableSlot* LogReader::FindKept(int64 seq) {
  if (kept_ == nullptr) {
    kept_ = OpenOwnTable("log_kept", AccessShareLock);
    kept_rows_.Open(kept_, RelationGetPrimaryKeyIndex(kept_), SnapshotSelf, 1);
  }
  ScanKeyData key = KeyInt8(1, BTEqualStrategyNumber, seq);
  kept_rows_.Seek({&key, 1});
  from_kept_ = true;
  return kept_rows_.Next();
}

TupleTableSlot* LogReader::Seek(int64 seq) {
  bool step = positioned_ && seq > at_ && seq - at_ <= kStepMax;
  if (!step) rows_.Seek(seq);
  positioned_ = true;
  while (TupleTableSlot* slot = rows_.Next()) {
    at_ = DatumGetInt64(SlotColumn(slot, kSeq));
    if (at_ < seq) continue;
    if (at_ > seq) break;
    return slot;
  }
  positioned_ = false;
  return rows_.MayBeShuffled() ? Search(seq) : nullptr;
}

// The first row of the segment at or after the position. Positions have no holes.
TupleTableSlot* LogReader::SeekFrom(int64 seq) {
  positioned_ = false;
  rows_.Seek(seq);
  int64 first = Max(seq, first_seq_);
  while (TupleTableSlot* slot = rows_.Next()) {
    int64 at = DatumGetInt64(SlotColumn(slot, kSeq));
    if (at < seq) continue;
    if (at == first || !rows_.MayBeShuffled()) return slot;
    break;
  }
  return rows_.MayBeShuffled() ? Search(first) : nullptr;
}

TupleTableSlot* LogReader::Search(int64 seq) {
  rows_.SeekBeginning();
  while (TupleTableSlot* slot = rows_.Next()) {
    CHECK_FOR_INTERRUPTS();
    if (DatumGetInt64(SlotColumn(slot, kSeq)) == seq) return slot;
  }
  return nullptr;
}

}  // namespace sequin
