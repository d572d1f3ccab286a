// SQL function queue_counts (api/queue.sql): where the messages of a consumer are, from ordinals
// and the rows of open claims, never by counting messages.
#include "pg/memory.h"
#include "pg/table.h"
#include "queue/queue_columns.h"
#include "queue/queue_tables.h"

namespace sequin {
namespace {

struct Counts {
  int64 ready = 0;
  int64 in_flight = 0;
  int64 parked = 0;
};

// Open positions of the claims from the newest row's low_no on; what came back and was not absorbed
// is parked already.
void CountClaims(QueueTables* tables, int64 low_no, Counts* counts) {
  tables->ForEachClaim(low_no, [&](const ClaimRow& claim) {
    bool whole = false;
    int64 settled = 0, returned = 0;
    tables->Settles(claim.no, kFencePos, claim.n, [&](const SettleRow& row) {
      if (row.pos >= 0) {
        settled++;
        returned += row.absorbed ? 0 : 1;
      } else if (row.pos == kWholePos || row.outcome == Outcome::kExpired) {
        whole = true;
      }
      return true;
    });
    counts->in_flight += whole ? 0 : claim.n - settled;
    counts->parked += returned;
    return true;
  });
}

Counts Count(int32 consumer) {
  Counts counts;
  QueueTables tables(consumer);
  tables.OpenForReading();
  int64 next_ord = 0;
  int64 low_no = 0;
  tables.NewestClaim([&](const ClaimRow& row) {
    next_ord = row.next_ord;
    low_no = row.low_no;
    return false;
  });
  counts.ready = RouteEntriesFrom(consumer, next_ord);
  CountClaims(&tables, low_no, &counts);
  counts.parked += tables.CountHeld();
  tables.Close();
  return counts;
}

}  // namespace
}  // namespace sequin

extern "C" {

PG_FUNCTION_INFO_V1(sequin_queue_counts);
Datum sequin_queue_counts(PG_FUNCTION_ARGS) {
  sequin::Counts counts = sequin::Count(PG_GETARG_INT32(0));
  TupleDesc descriptor;
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE) {
    elog(ERROR, "return type must be a row type");
  }
  Datum values[3] = {Int64GetDatum(counts.ready), Int64GetDatum(counts.in_flight),
                     Int64GetDatum(counts.parked)};
  bool nulls[3] = {};
  return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

}  // extern "C"
