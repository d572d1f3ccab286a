// Keeping and forgetting messages of streams (stream_retention.h).
#include "stream/stream_retention.h"

#include "pg/table.h"
#include "pg/transaction.h"

namespace sequin {
namespace {

constexpr int64 kKeepPart = 5000;  // log rows looked at in one transaction
constexpr int kTrimPart = 5000;    // rows deleted in one transaction

struct {
  int32 segment;
  int64 next_seq;
} keeping;

uint64 Select(const char* command) {
  if (SPI_execute(command, true, 0) != SPI_OK_SELECT) elog(ERROR, "could not run: %s", command);
  return SPI_processed;
}

int64 NumberAt(uint64 row, int column, int64 otherwise) {
  bool is_null;
  Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &is_null);
  return is_null ? otherwise : DatumGetInt64(value);
}

}  // namespace

bool KeepStreamMessages(int32 segment_no) {
  if (Select("SELECT FROM sequin.stream_count LIMIT 1") == 0) return true;
  Select(
      psprintf("SELECT s.first_seq, s.incarnation::bigint, (SELECT min(n.first_seq) FROM "
               "sequin.segment n WHERE n.no > s.no) FROM sequin.segment s WHERE s.no = %d",
               segment_no));
  int64 first = NumberAt(0, 1, 0), end = NumberAt(0, 3, 0);
  auto incarnation = static_cast<int32>(NumberAt(0, 2, 0));
  if (keeping.segment != segment_no) keeping = {segment_no, first};
  if (keeping.next_seq >= end) return true;
  int64 to = Min(keeping.next_seq + kKeepPart, end);
  // After a restart some are there already.
  const char* command = psprintf(
      "INSERT INTO sequin.log_kept (seq, incarnation, commit_lsn, commit_time, commit_idx, xid,"
      " relation, form, action, key, record, changes, meta, kept_at)"
      " SELECT l.seq, %d, l.commit_lsn, l.commit_time, l.commit_idx, l.xid, l.relation, l.form,"
      " l.action, l.key, l.record, l.changes, l.meta, pg_catalog.clock_timestamp()"
      " FROM ONLY sequin.log_%d l JOIN sequin.stream s ON s.id = -l.relation"
      " JOIN sequin.stream_message m ON m.stream = s.id AND m.seq = l.seq"
      " WHERE l.seq >= " INT64_FORMAT " AND l.seq < " INT64_FORMAT
      " AND l.action = 'p'"
      " AND (s.one_message_per_key OR s.retention_ms IS NOT NULL"
      " OR EXISTS (SELECT FROM sequin.stream_start t WHERE t.stream = s.id))"
      " ON CONFLICT DO NOTHING",
      incarnation, segment_no, keeping.next_seq, to);
  if (SPI_execute(command, false, 0) != SPI_OK_INSERT) elog(ERROR, "could not run: %s", command);
  NoteKeptBelow(to);
  keeping.next_seq = to;
  return false;
}

// Messages of dropped streams go whatever their age; others when the log does not have them any
// more and the stream need not hold them.
bool TrimStreams(KeyState* key_state) {
  int left = kTrimPart;
  replorigin_session_origin = DoNotReplicateId;
  InTransaction([&] {
    SPI_connect();
    uint64 count = Select(
        "SELECT c.stream::bigint,"
        " CASE WHEN s.id IS NULL THEN 9223372036854775807 ELSE"
        " (SELECT min(g.first_seq) FROM sequin.segment g) END,"
        " CASE WHEN s.id IS NULL THEN 9223372036854775807"
        " WHEN s.retention_ms IS NOT NULL THEN"
        " (extract(epoch FROM pg_catalog.clock_timestamp() - timestamptz '2000-01-01 00:00:00+00')"
        " * 1000000)::bigint - s.retention_ms * 1000"
        " WHEN s.one_message_per_key THEN (-9223372036854775807)::bigint"
        " ELSE 9223372036854775807 END"
        " FROM sequin.stream_count c LEFT JOIN sequin.stream s ON s.id = c.stream"
        " WHERE NOT EXISTS (SELECT FROM sequin.stream_start t WHERE t.stream = c.stream)"
        " ORDER BY c.stream");
    for (uint64 row = 0; row < count && left > 0; row++) {
      TrimRange range{static_cast<int32>(NumberAt(row, 1, 0)), NumberAt(row, 2, 0),
                      NumberAt(row, 3, 0)};
      left -= key_state->Trim(range, left);
    }
    int64 first_seq = 0;
    if (Select("SELECT min(first_seq) FROM sequin.segment") > 0) first_seq = NumberAt(0, 1, 0);
    SPI_finish();
    if (left > 0) left -= key_state->TrimLatest(first_seq, left);
  });
  replorigin_session_origin = InvalidRepOriginId;
  return left < kTrimPart;
}

void ForgetPassedStarts(bool (*needs_before)(int32 consumer, int64 end_ord)) {
  uint64 count =
      Select("SELECT consumer::bigint, end_ord FROM sequin.stream_start WHERE end_ord IS NOT NULL");
  SPITupleTable* rows = SPI_tuptable;
  for (uint64 row = 0; row < count; row++) {
    SPI_tuptable = rows;
    auto consumer = static_cast<int32>(NumberAt(row, 1, 0));
    int64 end_ord = NumberAt(row, 2, 0);
    if (needs_before(consumer, end_ord)) continue;
    const char* command = psprintf("DELETE FROM sequin.stream_start WHERE consumer = %d", consumer);
    if (SPI_execute(command, false, 0) != SPI_OK_DELETE) elog(ERROR, "could not run: %s", command);
  }
}

}  // namespace sequin
