// Dropping segments (retention.h). In SPI: it runs seldom and is not in anybody's way.
#include <algorithm>

#include "log/retention.h"

#include "capture/settings.h"
#include "change/entry_codec.h"
#include "pg/memory.h"
#include "pg/monotonic.h"
#include "pg/table.h"
#include "pg/transaction.h"
#include "stream/stream_retention.h"

namespace sequin {
namespace {

// So many rows, and bytes of them, are moved rather than that a segment is kept for them.
constexpr size_t kStragglersMax = 10000;
constexpr int64 kParkedRows = 500;  // read at once
constexpr int64 kKeptRowsUs = 10 * 60 * USECS_PER_SEC;
constexpr int64 kStragglerBytesMax = INT64CONST(64) * 1024 * 1024;

struct OldSegment {
  int32 no;
  int32 next_no;
  Oid log;
  Oid route;
  int32 incarnation;
  int64 first_seq;
  int64 end_seq;
  int64 age_ms;     // since it was full
  int64 log_bytes;  // of all segments
};

// A consumer that was not handed out all of the segment.
struct Loss {
  int32 consumer;
  int64 from_ord;
  int64 end_ord;
  const char* reason;
};

struct Needs {
  Vec<Loss> losses;       // of consumers whose limits are over
  Vec<int64> stragglers;  // positions in the segment, ascending
};

// All queries see the snapshot of the transaction: an entry that goes from a claim to held, or
// back, between two of them is not overlooked. What is done by then stays done, whoever commits
// later.
void Run(const char* command, int expected) {
  int result = SPI_execute(command, expected == SPI_OK_SELECT, 0);
  if (result != expected) elog(ERROR, "%s: %s", command, SPI_result_code_string(result));
}

Datum ValueAt(uint64 row, int column, bool* is_null) {
  return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, is_null);
}

int64 NumberAt(uint64 row, int column, int64 if_null = PG_INT64_MAX) {
  bool is_null;
  Datum value = ValueAt(row, column, &is_null);
  return is_null ? if_null : DatumGetInt64(value);
}

// ---- what is due -------------------------------------------------------------------------------

// The oldest segment, when another one follows it.
bool FindOldestSegment(OldSegment* segment) {
  Run("SELECT o.no::bigint, n.no::bigint, o.log::bigint, o.route::bigint, o.incarnation::bigint,"
      " o.first_seq, n.first_seq, (pg_catalog.date_part('epoch',"
      "  pg_catalog.clock_timestamp() - n.created_at) * 1000)::bigint,"
      " (SELECT pg_catalog.sum(coalesce(pg_catalog.pg_total_relation_size(log), 0)"
      "   + coalesce(pg_catalog.pg_total_relation_size(route), 0))::bigint FROM sequin.segment)"
      " FROM (SELECT * FROM sequin.segment ORDER BY no LIMIT 1) o,"
      " LATERAL (SELECT * FROM sequin.segment WHERE no > o.no ORDER BY no LIMIT 1) n",
      SPI_OK_SELECT);
  if (SPI_processed == 0) return false;
  *segment = {static_cast<int32>(NumberAt(0, 1)),
              static_cast<int32>(NumberAt(0, 2)),
              static_cast<Oid>(NumberAt(0, 3)),
              static_cast<Oid>(NumberAt(0, 4)),
              static_cast<int32>(NumberAt(0, 5)),
              NumberAt(0, 6),
              NumberAt(0, 7),
              NumberAt(0, 8),
              NumberAt(0, 9)};
  return true;
}

bool IsDue(const OldSegment& segment) {
  bool old = segment.age_ms >= static_cast<int64>(RetentionSeconds()) * 1000;
  bool too_large = RetentionBytes() > 0 && segment.log_bytes > RetentionBytes();
  return old || too_large;
}

// ---- who needs it ------------------------------------------------------------------------------

const char* LimitPassed(const OldSegment& segment, int64 retain_ms, int64 retain_bytes) {
  if (segment.age_ms >= retain_ms) return "retain_time";
  if (segment.log_bytes > retain_bytes) return "retain_bytes";
  return nullptr;
}

// False: a consumer that may keep it was not handed out all of it.
bool FindLosses(const OldSegment& segment, Needs* needs) {
  Run(psprintf("SELECT c.id::bigint, greatest(f.ord, coalesce(k.next_ord, 0)), s.ord, c.retain_ms,"
               " c.retain_bytes FROM sequin.segment_start s JOIN sequin.consumer c"
               " ON c.id = s.consumer"
               " LEFT JOIN sequin.segment_start f ON f.consumer = s.consumer AND f.segment = %d"
               " LEFT JOIN LATERAL (SELECT next_ord FROM sequin.claim WHERE consumer = s.consumer"
               " ORDER BY no DESC LIMIT 1) k ON true WHERE s.segment = %d"
               " AND s.ord > greatest(f.ord, coalesce(k.next_ord, 0))",
               segment.no, segment.next_no),
      SPI_OK_SELECT);
  for (uint64 i = 0; i < SPI_processed; i++) {
    const char* reason = LimitPassed(segment, NumberAt(i, 4), NumberAt(i, 5));
    if (reason == nullptr) return false;
    needs->losses.push(
        {static_cast<int32>(NumberAt(i, 1)), NumberAt(i, 2), NumberAt(i, 3), reason});
  }
  return true;
}

// Chunks that are not in the log yet look there for what overtook them.
bool FeedsNeed(const OldSegment& segment, XLogRecPtr passed) {
  Run(psprintf("SELECT 1 FROM sequin.feed_chunk p JOIN sequin.feed f ON f.id = p.feed"
               " JOIN sequin.segment_start s ON s.consumer = p.consumer AND s.segment = %d"
               " WHERE p.held_ord < s.ord AND (f.state = 'running'"
               " OR f.changed_lsn > '%X/%X') LIMIT 1",
               segment.next_no, LSN_FORMAT_ARGS(passed)),
      SPI_OK_SELECT);
  return SPI_processed > 0;
}

// Sorted positions of a claim, from an int4[].
Vec<int32> PositionsOf(uint64 row, int column) {
  Vec<int32> positions{};
  bool is_null;
  Datum value = ValueAt(row, column, &is_null);
  if (is_null) return positions;
  ArrayType* array = DatumGetArrayTypeP(value);
  auto* data = reinterpret_cast<const int32*>(ARR_DATA_PTR(array));
  int count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
  for (int i = 0; i < count; i++) positions.push(data[i]);
  return positions;
}

// Visits the entries, each with its number, whose log rows are in the segment.
template <typename Visit>
void ForEachIn(const OldSegment& segment, std::string_view entries, int64 base_ord, Visit&& visit) {
  EntryReader reader(entries.data(), entries.size(), base_ord);
  Entry entry;
  for (int32 position = 0; reader.Read(&entry); position++) {
    if (entry.seq >= segment.first_seq && entry.seq < segment.end_seq) visit(position, entry.seq);
  }
}

void SortUnique(Vec<int64>* positions) {
  std::sort(positions->begin(), positions->end());
  int64* end = std::unique(positions->begin(), positions->end());
  positions->count = static_cast<size_t>(end - positions->begin());
}

// False: there are more than `most`. A position may be found several times.
bool NoMoreThan(size_t most, Vec<int64>* found) {
  if (found->count / 2 <= most) return true;
  SortUnique(found);
  return found->count <= most;
}

// Millions may be parked: they are read in parts, and no further than the answer is known. False:
// there are more than `most` of the segment.
bool FindParked(const OldSegment& segment, size_t most, Vec<int64>* found) {
  MemoryContext part = NewContext(CurrentMemoryContext, "sequin parked");
  Portal rows = SPI_cursor_open_with_args(nullptr, "SELECT entries, ord FROM sequin.held", 0,
                                          nullptr, nullptr, nullptr, true, CURSOR_OPT_NO_SCROLL);
  bool few = true;
  for (bool more = true; more && few;) {
    CHECK_FOR_INTERRUPTS();
    SPI_cursor_fetch(rows, true, kParkedRows);
    more = SPI_processed > 0;
    for (uint64 i = 0; i < SPI_processed; i++) {
      InContext(part, [&] {
        bool is_null;
        ForEachIn(segment, TextView(ValueAt(i, 1, &is_null)), NumberAt(i, 2),
                  [&](int32, int64 seq) { found->push(seq); });
      });
    }
    SPI_freetuptable(SPI_tuptable);
    MemoryContextReset(part);
    few = NoMoreThan(most, found);
  }
  SPI_cursor_close(rows);
  return few;
}

// Visits the entries of claims that are not settled, or that have to return. A claim that is
// settled or expired as a whole (a row at pos -1, or x at -2) is so where a position has no row of
// its own. `consumer`: 0 means all of them.
template <typename Visit>
void ForEachUnsettled(int32 consumer, Visit&& visit) {
  const char* chosen = consumer == 0 ? "" : psprintf(" WHERE consumer = %d", consumer);
  Run(psprintf(
          "SELECT c.entries, o.whole, o.done, o.returning FROM (SELECT consumer,"
          " pg_catalog.max(no) AS no FROM sequin.claim%s GROUP BY 1) newest"
          " JOIN sequin.claim n USING (consumer, no)"
          " JOIN sequin.claim c ON c.consumer = n.consumer AND c.no >= n.low_no"
          " CROSS JOIN LATERAL (SELECT coalesce(pg_catalog.bool_or(s.pos = -1"
          "  OR s.pos = -2 AND s.outcome = 'x'), false) AS whole,"
          " pg_catalog.array_agg(s.pos ORDER BY s.pos) FILTER (WHERE s.pos >= 0 AND s.absorbed)"
          " AS done,"
          " pg_catalog.array_agg(s.pos ORDER BY s.pos) FILTER (WHERE s.pos >= 0 AND NOT s.absorbed)"
          " AS returning FROM sequin.settle s WHERE s.consumer = c.consumer AND s.no = c.no) o",
          chosen),
      SPI_OK_SELECT);
  for (uint64 i = 0; i < SPI_processed; i++) {
    bool is_null;
    bool whole = DatumGetBool(ValueAt(i, 2, &is_null));
    Vec<int32> done = PositionsOf(i, 3), returning = PositionsOf(i, 4);
    std::string_view bytes = TextView(ValueAt(i, 1, &is_null));
    EntryReader reader(bytes.data(), bytes.size(), 0);
    Entry entry;
    for (int32 position = 0; reader.Read(&entry); position++) {
      bool needed = whole ? std::binary_search(returning.begin(), returning.end(), position)
                          : !std::binary_search(done.begin(), done.end(), position);
      if (needed) visit(entry);
    }
  }
  SPI_freetuptable(SPI_tuptable);
}

// False: there are more than `most`, of which some were found.
bool FindStragglers(const OldSegment& segment, size_t most, Vec<int64>* found) {
  found->context = CurrentMemoryContext;
  if (!FindParked(segment, most, found)) return false;
  ForEachUnsettled(0, [&](const Entry& entry) {
    if (entry.seq >= segment.first_seq && entry.seq < segment.end_seq) found->push(entry.seq);
  });
  SortUnique(found);
  return found->count <= most;
}

Datum PositionsDatum(const Vec<int64>& positions) {
  auto* values = NewArray<Datum>(CurrentMemoryContext, positions.count);
  for (size_t i = 0; i < positions.count; i++) values[i] = Int64GetDatum(positions[i]);
  return PointerGetDatum(construct_array(values, static_cast<int>(positions.count), INT8OID,
                                         sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

void RunWith(const char* command, const Vec<int64>& positions) {
  Oid type = INT8ARRAYOID;
  Datum value = PositionsDatum(positions);
  int result = SPI_execute_with_args(command, 1, &type, &value, nullptr, false, 0);
  if (result < 0) elog(ERROR, "%s: %s", command, SPI_result_code_string(result));
}

bool Movable(const OldSegment& segment, const Vec<int64>& stragglers) {
  if (stragglers.empty()) return true;
  RunWith(psprintf("SELECT pg_catalog.sum(pg_catalog.pg_column_size(l.record) +"
                   " pg_catalog.pg_column_size(l.changes))::bigint FROM sequin.log_%d l"
                   " WHERE l.seq = ANY ($1)",
                   segment.no),
          stragglers);
  return NumberAt(0, 1, 0) <= kStragglerBytesMax;
}

// False: it has to be kept.
bool FindNeeds(const OldSegment& segment, XLogRecPtr passed, Needs* needs) {
  *needs = Needs{};
  if (!FindLosses(segment, needs) || FeedsNeed(segment, passed)) return false;
  // Where messages are lost anyway, nobody holds on to more of the log than that.
  bool any_number = !needs->losses.empty();
  size_t most = any_number ? SIZE_MAX : kStragglersMax;
  return FindStragglers(segment, most, &needs->stragglers) &&
         (any_number || Movable(segment, needs->stragglers));
}

// A rewind, or a dead letter put back, may have come to need it after we looked and before we had
// the locks. None can from now on: whoever does so has the segment open until it commits.
bool FindNeedsNow(const OldSegment& segment, XLogRecPtr passed, Needs* needs) {
  PushActiveSnapshot(GetLatestSnapshot());
  bool may = FindNeeds(segment, passed, needs);
  PopActiveSnapshot();
  return may;
}

// The lowest ordinal among the entries of claims that are not settled.
int64 LowestClaimed(int32 consumer) {
  int64 lowest = PG_INT64_MAX;
  ForEachUnsettled(consumer, [&](const Entry& entry) {
    if (entry.ord >= 0) lowest = Min(lowest, entry.ord);
  });
  return lowest;
}

// Whether the consumer still needs an entry before `end_ord`.
bool NeedsBefore(int32 consumer, int64 end_ord) {
  Run(psprintf("SELECT coalesce((SELECT next_ord FROM sequin.claim WHERE consumer = %d ORDER BY no "
               "DESC LIMIT 1), 0), (SELECT min(ord) FROM sequin.held WHERE consumer = %d "
               "AND ord >= 0)",
               consumer, consumer),
      SPI_OK_SELECT);
  if (Min(NumberAt(0, 1), NumberAt(0, 2)) < end_ord) return true;
  return LowestClaimed(consumer) < end_ord;
}

// ---- dropping ----------------------------------------------------------------------------------

void KeepRows(const OldSegment& segment, const Vec<int64>& stragglers) {
  if (stragglers.empty()) return;
  RunWith(psprintf("INSERT INTO sequin.log_kept SELECT l.seq, %d, l.commit_lsn, l.commit_time,"
                   " l.commit_idx, l.xid, l.relation, l.form, l.action, l.key, l.record,"
                   " l.changes, l.meta, pg_catalog.clock_timestamp() FROM sequin.log_%d l"
                   " WHERE l.seq = ANY ($1) ON CONFLICT DO NOTHING",
                   segment.incarnation, segment.no),
          stragglers);
}

void DeclareLoss(const Loss& loss) {
  Run(psprintf("INSERT INTO sequin.consumer_gap (consumer, declared_at, from_ord, messages, reason)"
               " VALUES (%d, pg_catalog.clock_timestamp(), %lld, %lld, '%s')"
               " ON CONFLICT (consumer, from_ord) DO NOTHING",
               loss.consumer, static_cast<long long>(loss.from_ord),
               static_cast<long long>(loss.end_ord - loss.from_ord), loss.reason),
      SPI_OK_INSERT);
  ereport(WARNING,
          errmsg("sequin dropped %lld messages that consumer %d was never handed out",
                 static_cast<long long>(loss.end_ord - loss.from_ord), loss.consumer),
          errdetail("The log was kept for it up to its limit %s.", loss.reason));
}

void LeaveExtension(Oid catalog, Oid object) {
  deleteDependencyRecordsForClass(catalog, object, ExtensionRelationId, DEPENDENCY_EXTENSION);
}

// Not by SQL: event triggers of the database, whatever they say about DROP TABLE, are for its
// users. As of 17 the row type and its array are members of the extension like the table: left so,
// they would have the deletion go on to the extension and lock all of it.
void DropTable(Oid table) {
  Oid row_type = get_rel_type_id(table);
  LeaveExtension(RelationRelationId, table);
  LeaveExtension(TypeRelationId, row_type);
  LeaveExtension(TypeRelationId, get_array_type(row_type));
  CommandCounterIncrement();
  ObjectAddress address;
  ObjectAddressSet(address, RelationRelationId, table);
  performDeletion(&address, DROP_RESTRICT, PERFORM_DELETION_INTERNAL);
}

void Drop(const OldSegment& segment) {
  DropTable(segment.log);
  DropTable(segment.route);
  Run(psprintf("DELETE FROM sequin.segment WHERE no = %d", segment.no), SPI_OK_DELETE);
  Run(psprintf("DELETE FROM sequin.segment_start WHERE segment = %d", segment.no), SPI_OK_DELETE);
}

// What goes wrong here, a view of a user's that depends on a segment for one, costs disk space
// until it is put right. It must not cost capture.
template <typename Body>
bool InOwnTransaction(const char* what, Body&& body) {
  replorigin_session_origin = DoNotReplicateId;
  ErrorData* error = TryTransaction([&] {
    PushActiveSnapshot(GetTransactionSnapshot());
    SPI_connect();
    body();
    SPI_finish();
    PopActiveSnapshot();
  });
  replorigin_session_origin = InvalidRepOriginId;
  if (error == nullptr) return true;
  ereport(WARNING, errmsg("sequin could not drop %s: %s", what, error->message),
          error->detail ? errdetail("%s", error->detail) : 0);
  FreeErrorData(error);
  return false;
}

}  // namespace

bool DropOldestSegment(XLogRecPtr passed) {
  bool more = false;
  bool done = InOwnTransaction("a segment of the log", [&] {
    OldSegment segment;
    Needs needs;
    ForgetPassedStarts(NeedsBefore);
    bool due = FindOldestSegment(&segment) && IsDue(segment) && FindNeeds(segment, passed, &needs);
    more = due && !KeepStreamMessages(segment.no);
    if (due && !more && ConditionalLockRelationOid(segment.log, AccessExclusiveLock) &&
        ConditionalLockRelationOid(segment.route, AccessExclusiveLock) &&
        FindNeedsNow(segment, passed, &needs)) {
      KeepRows(segment, needs.stragglers);
      Drop(segment);
      for (const Loss& loss : needs.losses) DeclareLoss(loss);
      more = true;
    }
  });
  return done && more;
}

// A row that was put there an hour ago is referred to by now by what it was put there for. Not each
// time: what is parked has to be looked through for it.
void DeleteKeptRows() {
  static int64 again_at = 0;
  if (MonotonicMicros() < again_at) return;
  again_at = MonotonicMicros() + kKeptRowsUs;
  InOwnTransaction("rows of sequin.log_kept", [&] {
    Run("SELECT min(seq), max(seq) FROM sequin.log_kept WHERE kept_at <"
        " pg_catalog.clock_timestamp() - interval '1 hour'",
        SPI_OK_SELECT);
    OldSegment old_ones{};
    old_ones.first_seq = NumberAt(0, 1, 0);
    old_ones.end_seq = NumberAt(0, 2, -1) + 1;
    if (old_ones.end_seq == 0) return;
    Vec<int64> needed{};
    FindStragglers(old_ones, SIZE_MAX, &needed);
    RunWith(
        "DELETE FROM sequin.log_kept k WHERE kept_at < pg_catalog.clock_timestamp()"
        " - interval '1 hour' AND NOT k.seq = ANY ($1)"
        " AND NOT EXISTS (SELECT FROM sequin.stream_message m WHERE m.seq = k.seq)",
        needed);
  });
}

}  // namespace sequin
