// SQL functions queue_counts and queue_in_flight (api/queue.sql): where the messages of a consumer
// are, from ordinals, parked rows and open claims, never by counting messages that are ready.
//
// All of it is read in one snapshot: every message is in exactly one place.
//
// The views show their readers what they may see; whoever calls the functions themselves sees no
// more.
#include "catalog/consumer.h"
#include "log/reader.h"
#include "pg/memory.h"
#include "pg/table.h"
#include "queue/open_claims.h"
#include "queue/queue_change.h"
#include "queue/queue_tables.h"

namespace sequin {
namespace {

struct Counts {
  int64 ready = 0;
  int64 in_flight = 0;
  int64 parked = 0;
  int64 dying = 0;  // given up, but not written as dead letters yet
  // The oldest of them in the log, and of those that were put back.
  Entry oldest;
  Entry oldest_kept;
  bool any = false;
  bool any_kept = false;

  void SeeOldest(const Entry& entry) {
    bool* seen = entry.ord < 0 ? &any_kept : &any;
    Entry* first = entry.ord < 0 ? &oldest_kept : &oldest;
    if (!*seen || entry.ord < first->ord) *first = entry;
    *seen = true;
  }
};

// The settles of one claim.
struct Positions {
  const SettleRow* rows;  // by position; outcome 0: none
  bool whole;
  int64 extended_to;
};

Positions ReadPositions(QueueTables* tables, const OpenClaim* claim) {
  size_t n = static_cast<size_t>(claim->n);
  auto* rows = NewArray<SettleRow>(CurrentMemoryContext, n);
  memset(static_cast<void*>(rows), 0, sizeof(SettleRow) * n);
  Positions positions{rows, false, claim->expires};
  tables->Settles(claim->no, PG_INT32_MIN, claim->n - 1, [&](const SettleRow& row) {
    if (row.pos >= 0) {
      rows[row.pos] = row;
    } else if (row.pos == kWholePos || row.outcome == Outcome::kExpired) {
      positions.whole = true;
    } else if (row.pos <= kFirstExtendPos) {
      positions.extended_to = Max(positions.extended_to, row.ready_at);
    }
    return true;
  });
  return positions;
}

// Calls `visit(claim, position, extended_to)` for every message that is out, and `returned` for
// those that were given back and are in no other place yet.
template <typename Visit, typename Returned>
void ForEachOut(QueueTables* tables, OpenClaims* open, Visit&& visit, Returned&& returned) {
  MemoryContext each = NewContext(CurrentMemoryContext, "sequin claim counts");
  for (size_t i = 0; i < open->size(); i++) {
    OpenClaim* claim = open->at(i);
    InContext(each, [&] {
      Positions positions = ReadPositions(tables, claim);
      for (int32 pos = 0; pos < claim->n; pos++) {
        const SettleRow& row = positions.rows[pos];
        if (static_cast<char>(row.outcome) == '\0') {
          if (!positions.whole) visit(claim, pos, positions.extended_to);
        } else if (!row.absorbed && !open->Void(claim->no, claim->entries[pos].ord)) {
          returned(claim->entries[pos], row.outcome);
        }
      }
    });
    MemoryContextReset(each);
  }
  MemoryContextDelete(each);
}

// The claims of one consumer in a snapshot of this moment.
template <typename Body>
void WithQueue(int32 consumer, Body&& body) {
  Snapshot snapshot = TakeSnapshot();
  QueueTables tables(consumer);
  tables.OpenForReading(snapshot);
  Memory memory = MemoryOf(CurrentMemoryContext);
  auto* open = New<OpenClaims>(CurrentMemoryContext, memory);
  open->Refresh(&tables);
  body(&tables, open);
  tables.Close();
  ReleaseSnapshot(snapshot);
}

void CountOut(QueueTables* tables, OpenClaims* open, int32 max_deliver, Counts* counts) {
  ForEachOut(
      tables, open,
      [&](const OpenClaim* claim, int32 pos, int64) {
        counts->in_flight++;
        if (!open->Void(claim->no, claim->entries[pos].ord)) {
          counts->SeeOldest(claim->entries[pos]);
        }
      },
      [&](const Entry& entry, Outcome outcome) {
        bool last = max_deliver > 0 && entry.attempts + 1 >= max_deliver;
        bool dies = outcome == Outcome::kDead || (outcome == Outcome::kNacked && last);
        if (dies) {
          counts->dying++;
        } else {
          counts->parked++;
          counts->SeeOldest(entry);
        }
      });
}

Counts Count(int32 consumer, int32 max_deliver) {
  Counts counts;
  WithQueue(consumer, [&](QueueTables* tables, OpenClaims* open) {
    int64 next_ord = open->newest().next_ord;
    counts.ready = RouteEntriesFrom(consumer, next_ord);
    RouteReader route(consumer);
    Entry first;
    route.Seek(next_ord);
    if (counts.ready > 0 && route.Next(&first)) counts.SeeOldest(first);
    route.Close();
    CountOut(tables, open, max_deliver, &counts);
    tables->ForEachHeldRow([&](int32 n, const Entry& oldest) {
      counts.parked += n;
      counts.SeeOldest(oldest);
    });
  });
  return counts;
}

// When the oldest message was committed; false: there is none, or the log has it no more.
bool OldestTime(const Counts& counts, TimestampTz* oldest) {
  bool found = false;
  LogReader log;
  auto look = [&](const Entry& entry) {
    LogRow row;
    if (!log.Find(entry.seq, &row)) return;
    if (!found || row.commit_time < *oldest) *oldest = row.commit_time;
    found = true;
  };
  if (counts.any) look(counts.oldest);
  if (counts.any_kept) look(counts.oldest_kept);
  log.Close();
  return found;
}

Datum QueueCounts(FunctionCallInfo call) {
  if (!MaySeeConsumer(DatumGetInt32(call->args[0].value))) {
    call->isnull = true;
    return Datum{0};
  }
  Counts counts = Count(DatumGetInt32(call->args[0].value), DatumGetInt32(call->args[1].value));
  TupleDesc descriptor;
  if (get_call_result_type(call, nullptr, &descriptor) != TYPEFUNC_COMPOSITE) {
    elog(ERROR, "return type must be a row type");
  }
  TimestampTz oldest = 0;
  bool nulls[5] = {};
  nulls[4] = !OldestTime(counts, &oldest);
  Datum values[5] = {Int64GetDatum(counts.ready), Int64GetDatum(counts.in_flight),
                     Int64GetDatum(counts.parked), Int64GetDatum(counts.dying),
                     TimestampTzGetDatum(oldest)};
  return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

Datum QueueInFlight(FunctionCallInfo call) {
  int32 consumer = DatumGetInt32(call->args[0].value);
  InitMaterializedSRF(call, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(call->resultinfo);
  if (!MaySeeConsumer(consumer)) return Datum{0};
  WithQueue(consumer, [&](QueueTables* tables, OpenClaims* open) {
    auto put = [&](const OpenClaim* claim, int32 pos, int64 expires) {
      const Entry& entry = claim->entries[pos];
      bool overtaken = open->Void(claim->no, entry.ord);
      Datum values[7] = {Int64GetDatum(entry.seq),
                         Int64GetDatum(claim->no),
                         Int32GetDatum(entry.deliveries + 1),
                         Int32GetDatum(entry.attempts),
                         TimestampTzGetDatum(claim->taken_at),
                         TimestampTzGetDatum(expires),
                         BoolGetDatum(overtaken)};
      bool nulls[7] = {};
      tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    };
    ForEachOut(tables, open, put, [](const Entry&, Outcome) {});
  });
  return Datum{0};
}

}  // namespace
}  // namespace sequin

extern "C" {

PG_FUNCTION_INFO_V1(sequin_queue_counts);
Datum sequin_queue_counts(PG_FUNCTION_ARGS) {
  return sequin::QueueCounts(fcinfo);
}

PG_FUNCTION_INFO_V1(sequin_queue_in_flight);
Datum sequin_queue_in_flight(PG_FUNCTION_ARGS) {
  return sequin::QueueInFlight(fcinfo);
}

}  // extern "C"
