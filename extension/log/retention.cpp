// Dropping segments (retention.h). In SPI: it runs seldom and is not in anybody's way.
#include "log/retention.h"

#include "capture/settings.h"
#include "change/entry_codec.h"
#include "pg/memory.h"
#include "pg/table.h"
#include "pg/transaction.h"
#include "stream/stream_retention.h"

namespace sequin {

struct OldSegment {
  int32 no;
  Oid log;
  Oid route;
};

// All queries see the snapshot of the transaction: an entry that goes from a claim to held, or
// back, between two of them is not overlooked. What is done by then stays done, whoever commits
// later.
static void Run(const char* command, int expected) {
  int result = SPI_execute(command, expected == SPI_OK_SELECT, 0);
  if (result != expected) elog(ERROR, "%s: %s", command, SPI_result_code_string(result));
}

static int64 NumberAt(uint64 row, int column) {
  bool is_null;
  Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &is_null);
  return is_null ? PG_INT64_MAX : DatumGetInt64(value);
}

// The oldest segment, when another one follows it that began before the retention time.
static bool FindOldSegment(OldSegment* segment) {
  Run(psprintf(
          "SELECT no::bigint, log::bigint, route::bigint FROM sequin.segment ORDER BY no "
          "LIMIT CASE WHEN (SELECT created_at < pg_catalog.clock_timestamp() - "
          "pg_catalog.make_interval(secs => %d) FROM sequin.segment ORDER BY no OFFSET 1 LIMIT "
          "1) THEN 1 ELSE 0 END",
          RetentionSeconds()),
      SPI_OK_SELECT);
  if (SPI_processed == 0) return false;
  *segment = {static_cast<int32>(NumberAt(0, 1)), static_cast<Oid>(NumberAt(0, 2)),
              static_cast<Oid>(NumberAt(0, 3))};
  return true;
}

// The lowest ordinal among the entries of claims that may be unsettled.
static int64 LowestClaimed(int32 consumer) {
  Run(psprintf(
          "SELECT c.entries FROM sequin.claim c WHERE c.consumer = %d AND c.no >= (SELECT low_no "
          "FROM sequin.claim WHERE consumer = %d ORDER BY no DESC LIMIT 1)",
          consumer, consumer),
      SPI_OK_SELECT);
  int64 lowest = PG_INT64_MAX;
  for (uint64 row = 0; row < SPI_processed; row++) {
    bool is_null;
    Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &is_null);
    std::string_view bytes = TextView(value);
    EntryReader reader(bytes.data(), bytes.size(), 0);
    Entry entry;
    while (reader.Read(&entry)) {
      if (entry.ord >= 0) lowest = Min(lowest, entry.ord);
    }
  }
  return lowest;
}

// Whether the consumer still needs an entry before `end_ord`.
static bool NeedsBefore(int32 consumer, int64 end_ord) {
  Run(psprintf("SELECT coalesce((SELECT next_ord FROM sequin.claim WHERE consumer = %d ORDER BY no "
               "DESC LIMIT 1), 0), (SELECT min(ord) FROM sequin.held WHERE consumer = %d "
               "AND ord >= 0)",
               consumer, consumer),
      SPI_OK_SELECT);
  if (Min(NumberAt(0, 1), NumberAt(0, 2)) < end_ord) return true;
  return LowestClaimed(consumer) < end_ord;
}

static bool AnybodyNeeds(int32 segment_no) {
  Run(psprintf("SELECT consumer::bigint, ord FROM sequin.segment_start WHERE segment = (SELECT "
               "min(no) FROM sequin.segment WHERE no > %d)",
               segment_no),
      SPI_OK_SELECT);
  auto count = static_cast<size_t>(SPI_processed);
  auto* consumers = NewArray<int32>(CurrentMemoryContext, count);
  auto* ends = NewArray<int64>(CurrentMemoryContext, count);
  for (size_t i = 0; i < count; i++) {
    consumers[i] = static_cast<int32>(NumberAt(i, 1));
    ends[i] = NumberAt(i, 2);
  }
  for (size_t i = 0; i < count; i++) {
    if (NeedsBefore(consumers[i], ends[i])) return true;
  }
  return false;
}

static void Drop(const OldSegment& segment) {
  for (const char* kind : {"log", "route"}) {
    WithoutEventTriggers([&] {
      Run(psprintf("ALTER EXTENSION sequin DROP TABLE sequin.%s_%d", kind, segment.no),
          SPI_OK_UTILITY);
      Run(psprintf("DROP TABLE sequin.%s_%d", kind, segment.no), SPI_OK_UTILITY);
    });
  }
  Run(psprintf("DELETE FROM sequin.segment WHERE no = %d", segment.no), SPI_OK_DELETE);
  Run(psprintf("DELETE FROM sequin.segment_start WHERE segment = %d", segment.no), SPI_OK_DELETE);
}

// A rewind, or a dead letter put back, may have come to need it after we looked and before we had
// the locks. None can from now on: whoever does so has the segment open until it commits.
static bool AnybodyNeedsNow(int32 segment_no) {
  PushActiveSnapshot(GetLatestSnapshot());
  bool needed = AnybodyNeeds(segment_no);
  PopActiveSnapshot();
  return needed;
}

bool DropOldestSegment() {
  bool more = false;
  replorigin_session_origin = DoNotReplicateId;
  InTransaction([&] {
    SPI_connect();
    OldSegment segment;
    ForgetPassedStarts(NeedsBefore);
    bool old = FindOldSegment(&segment) && !AnybodyNeeds(segment.no);
    more = old && !KeepStreamMessages(segment.no);
    if (old && !more && ConditionalLockRelationOid(segment.log, AccessExclusiveLock) &&
        ConditionalLockRelationOid(segment.route, AccessExclusiveLock) &&
        !AnybodyNeedsNow(segment.no)) {
      Drop(segment);
      more = true;
    }
    SPI_finish();
  });
  replorigin_session_origin = InvalidRepOriginId;
  return more;
}

}  // namespace sequin
