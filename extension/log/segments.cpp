// Which tables are the segments (segments.h). Read with SnapshotSelf: the newest committed rows, in
// every isolation level.
#include "log/segments.h"

#include "pg/memory.h"
#include "pg/table.h"

namespace sequin {
namespace {

struct SegmentCache {
  Oid table;  // of sequin.segment when it was read
  Vec<Segment> segments;
};
SegmentCache cache;

enum SegmentColumn : AttrNumber { kNo = 1, kLog, kRoute, kIncarnation, kFirstSeq, kCreatedAt };
enum StartColumn : AttrNumber { kConsumer = 1, kSegment, kOrd };

Datum Get(Relation table, HeapTuple tuple, AttrNumber column) {
  bool is_null;
  return ColumnOf(table, tuple, column, &is_null);
}

Segment ToSegment(Relation table, HeapTuple tuple) {
  Segment segment;
  segment.no = DatumGetInt32(Get(table, tuple, kNo));
  segment.log = DatumGetObjectId(Get(table, tuple, kLog));
  segment.route = DatumGetObjectId(Get(table, tuple, kRoute));
  segment.incarnation = DatumGetInt32(Get(table, tuple, kIncarnation));
  segment.first_seq = DatumGetInt64(Get(table, tuple, kFirstSeq));
  segment.created_at = DatumGetTimestampTz(Get(table, tuple, kCreatedAt));
  return segment;
}

bool UpToDate(Relation table) {
  if (cache.table != RelationGetRelid(table) || cache.segments.empty()) return false;
  bool same = false;
  ScanPrimaryKey(table, SnapshotSelf, {}, Direction::kBackward, [&](HeapTuple tuple) {
    Segment newest = ToSegment(table, tuple);
    const Segment& known = cache.segments.back();
    same = newest.no == known.no && newest.log == known.log && newest.route == known.route;
    return false;
  });
  return same;
}

SegmentStart ToStart(Relation table, HeapTuple tuple) {
  return {DatumGetInt32(Get(table, tuple, kSegment)), DatumGetInt64(Get(table, tuple, kOrd))};
}

}  // namespace

std::span<const Segment> ReadSegments() {
  Relation table = OpenOwnTable("segment", AccessShareLock);
  if (!UpToDate(table)) {
    cache.segments.context = TopMemoryContext;
    cache.segments.clear();
    cache.table = RelationGetRelid(table);
    ScanPrimaryKey(table, SnapshotSelf, {}, Direction::kForward, [&](HeapTuple tuple) {
      cache.segments.push(ToSegment(table, tuple));
      return true;
    });
  }
  CloseOwnTable(table, AccessShareLock);
  return {cache.segments.data, cache.segments.count};
}

void ForgetSegments() {
  cache.table = InvalidOid;
}

const Segment* FindSegment(int32 no) {
  for (const Segment& segment : ReadSegments()) {
    if (segment.no == no) return &segment;
  }
  return nullptr;
}

bool FindSegmentStart(int32 consumer, int64 ord, SegmentStart* start) {
  bool found = false;
  Relation table = OpenOwnTable("segment_start", AccessShareLock);
  ScanKeyData key = KeyInt4(kConsumer, BTEqualStrategyNumber, consumer);
  ScanPrimaryKey(table, SnapshotSelf, {&key, 1}, Direction::kBackward, [&](HeapTuple tuple) {
    *start = ToStart(table, tuple);
    found = true;
    return start->ord > ord;
  });
  CloseOwnTable(table, AccessShareLock);
  return found;
}

bool NextSegmentStart(int32 consumer, int32 segment, SegmentStart* start) {
  bool found = false;
  Relation table = OpenOwnTable("segment_start", AccessShareLock);
  ScanKeyData keys[] = {KeyInt4(kConsumer, BTEqualStrategyNumber, consumer),
                        KeyInt4(kSegment, BTGreaterStrategyNumber, segment)};
  ScanPrimaryKey(table, SnapshotSelf, keys, Direction::kForward, [&](HeapTuple tuple) {
    *start = ToStart(table, tuple);
    found = true;
    return false;
  });
  CloseOwnTable(table, AccessShareLock);
  return found;
}

}  // namespace sequin
