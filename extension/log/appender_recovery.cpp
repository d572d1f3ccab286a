// Appending to the log: going on behind WAL that was not captured, and in another place
// (appender.h).
#include "log/appender.h"

#include "capture/place.h"
#include "decode/routing.h"
#include "pg/planted.h"
#include "pg/transaction.h"

namespace sequin {
namespace {

struct Statement {
  const char* text;
  int count = 0;
  Oid types[8] = {};
  Datum values[8] = {};
  char nulls[8] = {};

  Statement& Add(Oid type, Datum value, bool is_null = false) {
    types[count] = type;
    values[count] = value;
    nulls[count++] = is_null ? 'n' : ' ';
    return *this;
  }

  uint64 Run() {
    SPI_connect();
    int result = SPI_execute_with_args(text, count, types, values, nulls, false, 0);
    if (result < 0) elog(ERROR, "%s: %s", text, SPI_result_code_string(result));
    uint64 rows = SPI_processed;
    SPI_finish();
    return rows;
  }
};

}  // namespace

// ---- place and incarnation ----------------------------------------------------------------------

void Appender::BeginIncarnation() {
  progress_.incarnation++;
  WriteProgress();
  same_place_ = true;
}

void Appender::Resume() {
  WriteProgress();
}

bool Appender::BringConsumers() {
  const char* homes[] = {HomeIn(place_), HomeOfOldFormat()};
  uint64 brought =
      Statement{
          "UPDATE sequin.consumer SET home = $3 WHERE id IN (SELECT id FROM sequin.consumer"
          " WHERE home IN ($1, $2) FOR UPDATE SKIP LOCKED)"}
          .Add(TEXTOID, CStringGetTextDatum(homes[0]))
          .Add(TEXTOID, CStringGetTextDatum(homes[1]))
          .Add(TEXTOID, CStringGetTextDatum(Home()))
          .Run();
  if (brought > 0) {
    ereport(LOG, errmsg("sequin goes on delivering to %llu consumers in this place",
                        static_cast<unsigned long long>(brought)));
  }
  CommandCounterIncrement();
  return Statement{"SELECT FROM sequin.consumer WHERE home IN ($1, $2) LIMIT 1"}
             .Add(TEXTOID, CStringGetTextDatum(homes[0]))
             .Add(TEXTOID, CStringGetTextDatum(homes[1]))
             .Run() == 0;
}

// ---- gaps ---------------------------------------------------------------------------------------

// Whatever becomes of this process while it makes the slot: the next one knows that a slot which it
// finds begins behind a gap that is not declared yet.
void Appender::ExpectNewSlot() {
  expects_new_slot_ = true;
  replorigin_session_origin = DoNotReplicateId;
  InTransaction([&] { WriteProgress(); });
  replorigin_session_origin = InvalidRepOriginId;
  XLogFlush(XactLastCommitEnd);
}

// Every consumer is concerned: what was committed in the gap is not known any more.
void Appender::DeclareGap(const Gap& gap) {
  if (Planted("gap_undeclared")) return;
  bool counted = gap.transactions >= 0;
  Statement{
      "INSERT INTO sequin.gap (incarnation, declared_at, from_lsn, to_lsn, reason, transactions,"
      " since_xid) VALUES ($1, pg_catalog.clock_timestamp(), $2, $3, $4, $5, $6)"}
      .Add(INT4OID, Int32GetDatum(progress_.incarnation + 1))
      .Add(LSNOID, LSNGetDatum(gap.from))
      .Add(LSNOID, LSNGetDatum(gap.to))
      .Add(TEXTOID, CStringGetTextDatum(gap.reason))
      .Add(INT8OID, Int64GetDatum(gap.transactions), !counted)
      .Add(XID8OID, UInt64GetDatum(progress_.oldest_xid), progress_.oldest_xid == 0)
      .Run();
  HASH_SEQ_STATUS scan;
  hash_seq_init(&scan, routes_);
  while (auto* route = static_cast<ConsumerRoute*>(hash_seq_search(&scan))) {
    Statement{
        "INSERT INTO sequin.gap_consumer (incarnation, consumer, ord) SELECT $1, $2, $3"
        " WHERE EXISTS (SELECT FROM sequin.consumer WHERE id = $2)"}
        .Add(INT4OID, Int32GetDatum(progress_.incarnation + 1))
        .Add(INT4OID, Int32GetDatum(route->consumer))
        .Add(INT8OID, Int64GetDatum(route->next_ord))
        .Run();
  }
  ereport(
      WARNING,
      errmsg("sequin did not capture the WAL from %X/%X to %X/%X: %s", LSN_FORMAT_ARGS(gap.from),
             LSN_FORMAT_ARGS(gap.to), gap.reason),
      counted ? errdetail("%lld transactions of this database committed in between, at most.",
                          static_cast<long long>(gap.transactions))
              : errdetail("How many transactions committed in between is not known: the WAL "
                          "cannot be read any more."),
      errhint("TABLE sequin.gaps shows which consumers it concerns; sequin.recover(...) closes it "
              "by backfill, or accepts it."));
}

// Chunks that were committed in the gap are not in the log, although the feeder has gone on behind
// them: all begins anew.
void Appender::RestartFeeds(XLogRecPtr from) {
  Statement again{
      "WITH again AS (UPDATE sequin.feed SET upto_lsn = $1 WHERE kind = 'backfill'"
      " AND state IN ('running', 'paused', 'failed') RETURNING id)"
      " DELETE FROM sequin.feed_chunk p USING again a WHERE p.feed = a.id"};
  uint64 restarted = again.Add(LSNOID, LSNGetDatum(from)).Run();
  if (restarted > 0) {
    ereport(LOG, errmsg("sequin begins %llu backfills anew, behind the gap",
                        static_cast<unsigned long long>(restarted)));
  }
}

void Appender::PassGap(const Gap& gap, const Vec<PresentDefinition>* definitions) {
  replorigin_session_origin = DoNotReplicateId;
  InTransaction([&] {
    if (definitions != nullptr) TakeDefinitions(*definitions, gap.to);
    GoOnBehind(gap);
  });
  replorigin_session_origin = InvalidRepOriginId;
  XLogFlush(XactLastCommitEnd);
  WakeDirty();
  MemoryContextReset(slice_);
}

void Appender::GoOnBehind(const Gap& gap) {
  if (gap.transactions != 0) {
    DeclareGap(gap);
    RestartFeeds(gap.to);
  } else {
    ereport(LOG, errmsg("sequin passes over the WAL from %X/%X to %X/%X, in which nothing was "
                        "committed: %s",
                        LSN_FORMAT_ARGS(gap.from), LSN_FORMAT_ARGS(gap.to), gap.reason));
  }
  progress_.lsn = gap.to;
  // The rest of a transaction that was being written in parts is in the gap, too.
  progress_.part_lsn = InvalidXLogRecPtr;
  progress_.part_idx = 0;
  expects_new_slot_ = false;
  BeginIncarnation();
}

void Appender::TakeDefinitions(const Vec<PresentDefinition>& definitions, XLogRecPtr since) {
  Transaction events{};
  events.commit_lsn = since;
  Vec<DefinitionEvent> changed{};
  for (const PresentDefinition& one : definitions) changed.push({one.consumer, one.definition});
  HASH_SEQ_STATUS scan;
  hash_seq_init(&scan, routes_);
  while (auto* route = static_cast<ConsumerRoute*>(hash_seq_search(&scan))) {
    bool exists = false;
    for (const PresentDefinition& one : definitions) exists |= one.consumer == route->consumer;
    if (!exists) changed.push({route->consumer, nullptr});
  }
  events.events = changed.data;
  events.event_count = static_cast<int>(changed.count);
  OpenSegment();
  ApplyEvents(events);
  FlushRoutes();
  CloseSegment();
}

}  // namespace sequin
