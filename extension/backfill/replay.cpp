// Replay: messages of a consumer's route, chosen by a filter, go into its route once more (feed.h).
//
// They are copies in the log, at the place where the feeder's transaction committed, so that
// positions keep their order; what they were is in their metadata, and a receiver is told that.
#include "backfill/feed.h"

#include "change/action.h"
#include "decode/encode.h"
#include "log/reader.h"
#include "log/replay_mark.h"
#include "pg/memory.h"
#include "pg/table.h"

namespace sequin {
namespace {

constexpr size_t kReplayBytesMax = 8 * 1024 * 1024;

struct Candidate {
  Entry entry;
  LogRow row;
  bool wanted;
};

std::string_view Copied(std::string_view text) {
  return {pnstrdup(text.data(), text.size()), text.size()};
}

// Up to the first message that committed after the replay was asked for; copies of other replays
// are passed by: their originals count.
bool Gather(const Feed& feed, int64 from, Vec<Candidate>* found, int64* next) {
  RouteReader route(feed.consumer);
  LogReader log;
  route.Seek(from);
  size_t bytes = 0;
  bool end = true;
  Entry entry;
  int32 looked = 0;
  while (route.Next(&entry)) {
    CHECK_FOR_INTERRUPTS();
    Candidate one{entry, {}, false};
    if (log.Find(entry.seq, &one.row)) {
      if (one.row.commit_lsn >= feed.upto_lsn) break;
      if (!IsReplayed(one.row)) {
        for (std::string_view* part :
             {&one.row.key, &one.row.group, &one.row.record, &one.row.changes, &one.row.meta}) {
          *part = Copied(*part);
          bytes += part->size();
        }
        found->push(one);
      }
    }
    *next = entry.ord + 1;
    if (++looked >= feed.chunk_rows || bytes >= kReplayBytesMax) {
      end = false;
      break;
    }
  }
  log.Close();
  route.Close();
  return end;
}

constexpr char kReplayQuery[] =
    "SELECT coalesce((%s\n)::pg_catalog.bool, false) FROM (SELECT $1 AS seq, $2 AS commit_lsn,"
    " $3 AS commit_time, $4 AS commit_idx, $5 AS action, r.table_schema, r.table_name,"
    " nullif($7, '')::pg_catalog.jsonb AS record_pks, $8::pg_catalog.jsonb AS record,"
    " nullif($9, '')::pg_catalog.jsonb AS changes,"
    " ('{' || pg_catalog.substr($10, 2) || '}')::pg_catalog.jsonb AS metadata"
    " FROM (SELECT $6 AS table_schema, $11 AS table_name) r) AS message";

const Oid kReplayTypes[] = {INT8OID, LSNOID,  TIMESTAMPTZOID, INT8OID, TEXTOID, TEXTOID,
                            TEXTOID, TEXTOID, TEXTOID,        TEXTOID, TEXTOID};

struct TableName {
  int32 id;
  Oid reloid;
  const char* schema;
  const char* table;
};

const TableName* NameOf(const Vec<TableName>& names, int32 id) {
  for (const TableName& name : names) {
    if (name.id == id) return &name;
  }
  return nullptr;
}

// The names of the tables that the rows belong to.
Vec<TableName> ReadNames(const Vec<Candidate>& rows) {
  Vec<TableName> names{};
  Relation table = OpenOwnTable("relation", AccessShareLock);
  for (const Candidate& one : rows) {
    if (one.row.relation <= 0 || NameOf(names, one.row.relation) != nullptr) continue;
    ScanKeyData key = KeyInt4(1, BTEqualStrategyNumber, one.row.relation);
    ScanPrimaryKey(table, SnapshotSelf, {&key, 1}, Direction::kForward, [&](HeapTuple tuple) {
      bool is_null;
      names.push({one.row.relation, DatumGetObjectId(ColumnOf(table, tuple, 2, &is_null)),
                  TextDatumGetCString(ColumnOf(table, tuple, 3, &is_null)),
                  TextDatumGetCString(ColumnOf(table, tuple, 4, &is_null))});
      return false;
    });
  }
  table_close(table, AccessShareLock);
  return names;
}

void Choose(const Feed& feed, const Vec<TableName>& names, Vec<Candidate>* rows) {
  for (Candidate& one : *rows) one.wanted = true;
  if (feed.filter == nullptr || rows->empty()) return;
  AsConsumerOwner(feed.owner, [&] {
    SPI_connect();
    SPIPlanPtr plan = SPI_prepare(psprintf(kReplayQuery, feed.filter), lengthof(kReplayTypes),
                                  const_cast<Oid*>(kReplayTypes));
    if (plan == nullptr) elog(ERROR, "SPI_prepare: %s", SPI_result_code_string(SPI_result));
    for (Candidate& one : *rows) {
      const TableName* name = NameOf(names, one.row.relation);
      const LogRow& row = one.row;
      Datum values[lengthof(kReplayTypes)] = {Int64GetDatum(row.seq),
                                              LSNGetDatum(row.commit_lsn),
                                              TimestampTzGetDatum(row.commit_time),
                                              Int64GetDatum(row.commit_idx),
                                              TextDatum(ActionName(row.action)),
                                              name ? CStringGetTextDatum(name->schema) : Datum{0},
                                              TextDatum(row.key),
                                              TextDatum(row.record),
                                              TextDatum(row.changes),
                                              TextDatum(row.meta),
                                              name ? CStringGetTextDatum(name->table) : Datum{0}};
      char nulls[lengthof(kReplayTypes) + 1] = "           ";
      if (name == nullptr) nulls[5] = nulls[10] = 'n';
      int result = SPI_execute_plan(plan, values, nulls, true, 1);
      if (result != SPI_OK_SELECT) elog(ERROR, "SPI_execute: %s", SPI_result_code_string(result));
      bool is_null;
      one.wanted =
          DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
      SPI_freetuptable(SPI_tuptable);
    }
    SPI_finish();
  });
}

std::string_view ReplayMeta(const Feed& feed, const LogRow& row) {
  return psprintf(",\"replay\":{\"id\":\"%s\",\"commit_lsn\":" UINT64_FORMAT
                  ",\"commit_idx\":" INT64_FORMAT ",\"commit_time\":" INT64_FORMAT
                  ",\"incarnation\":%d}",
                  DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&feed.uuid))),
                  row.commit_lsn, row.commit_idx, row.commit_time, row.incarnation);
}

Target TargetOf(const Feed& feed, const Entry& entry) {
  Target target{};
  target.consumer = feed.consumer;
  target.flags = entry.flags & (kSecondGroup | kBarrier | kCandidate);
  target.relation = entry.relation;
  target.group = entry.group;
  target.second_group = entry.second_group;
  return target;
}

int64 OrdinalOf(ArrayType* position) {
  Datum ord;
  bool is_null;
  array_iterate(array_create_iterator(position, 0, nullptr), &ord, &is_null);
  return strtoll(TextDatumGetCString(ord), nullptr, 10);
}

ArrayType* OrdinalPosition(int64 ord) {
  Datum ord_text = CStringGetTextDatum(psprintf(INT64_FORMAT, ord));
  return construct_array(&ord_text, 1, TEXTOID, -1, false, TYPALIGN_INT);
}

}  // namespace

void ReplayChunk(const Feed& feed, Decoder* decoder, Vec<RelationName>* tables, Chunk* chunk) {
  chunk->rows = FeedRows::kWithoutKey;
  chunk->rows_read = feed.rows_read;
  chunk->rows_sent = feed.rows_sent;
  chunk->snapshot = RegisterSnapshot(GetLatestSnapshot());
  PushActiveSnapshot(chunk->snapshot);
  int64 next = feed.position ? OrdinalOf(feed.position) : RouteOf(feed.consumer).first;
  Vec<Candidate> rows{};
  chunk->complete = Gather(feed, next, &rows, &next);
  Vec<TableName> names = ReadNames(rows);
  Choose(feed, names, &rows);
  for (const TableName& name : names) {
    tables->push({name.id, name.reloid, name.schema, name.table});
  }
  TransactionPlace place{};
  for (const Candidate& one : rows) {
    chunk->rows_read++;
    if (!one.wanted) continue;
    place.more_meta = ReplayMeta(feed, one.row);
    EncodeCopy(decoder, place, chunk->rows_sent++, one.row, TargetOf(feed, one.entry));
  }
  chunk->low_ord = next;
  chunk->position = OrdinalPosition(next);
  PopActiveSnapshot();
}

}  // namespace sequin
