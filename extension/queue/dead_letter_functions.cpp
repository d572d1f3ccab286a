// SQL functions dead_letters, requeue_dead_letters and purge_dead_letters (api/queue.sql).
//
// A dead letter that is put back becomes a new entry of the queue, with an ordinal below 0: before
// all of the route, and in the order in which the messages died first. Its log row is written to
// log_kept from what the letter has, for the segment may be gone, in this cluster or because the
// letter was restored from a dump of another one.
#include "catalog/owner_rights.h"
#include "pg/memory.h"
#include "pg/own_writes.h"
#include "queue/arguments.h"
#include "queue/claim_session.h"
#include "queue/own_statement.h"
#include "queue/queue_change.h"

namespace sequin {
namespace {

constexpr int kLettersMax = 100000;
constexpr int64 kFirstRequeued = -(INT64CONST(1) << 52);

// ---- statements --------------------------------------------------------------------------------

// $1 consumer, $2 ids, $3 reason, $4 died at or after, $5 died before.
constexpr char kChosen[] =
    " WHERE consumer = $1 AND ($2 IS NULL OR id = ANY ($2)) AND ($3 IS NULL OR reason = $3)"
    " AND ($4 IS NULL OR dead_at >= $4) AND ($5 IS NULL OR dead_at < $5)";

struct Choice {
  Datum values[6];
  char nulls[6];
};

Oid choice_types[] = {INT4OID, INT8ARRAYOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID};

// From the arguments (consumer, ids, reason, dead_after, dead_before).
Choice ChoiceOf(FunctionCallInfo call, int32 consumer) {
  Choice choice{};
  choice.values[0] = Int32GetDatum(consumer);
  choice.nulls[0] = ' ';
  for (int i = 1; i < 5; i++) {
    choice.values[i] = call->args[i].value;
    choice.nulls[i] = call->args[i].isnull ? 'n' : ' ';
  }
  return choice;
}

// In an SPI connection. It sees the newest committed rows and our own, under every isolation level.
uint64 Execute(const char* statement, int count, Oid* types, Datum* values, const char* nulls) {
  SPIPlanPtr plan = SPI_prepare(statement, count, types);
  if (plan == nullptr) elog(ERROR, "SPI_prepare: %s", SPI_result_code_string(SPI_result));
  int result = SPI_execute_snapshot(plan, values, nulls, GetLatestSnapshot(), InvalidSnapshot,
                                    false, true, 0);
  if (result < 0) elog(ERROR, "SPI_execute: %s", SPI_result_code_string(result));
  return SPI_processed;
}

Datum Column(uint64 row, int column, bool* is_null) {
  return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, is_null);
}

template <typename Body>
void WithSpi(Body&& body) {
  AsOwner([&] {
    if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
    body();
    SPI_finish();
  });
}

// Rejected messages, and those that used up their attempts, become dead letters when the queue
// next learns of it: now, where that can be.
void WriteDue(FunctionCallInfo call, const Consumer* consumer) {
  if (IsOwnStatement(call)) ChangeQueue(consumer, [](ClaimEngine*) {});
}

// ---- dead_letters ------------------------------------------------------------------------------

Datum DeadLetters(FunctionCallInfo call) {
  const Consumer* consumer = FindConsumer(TextArgument(call, 0, "consumer"), ConsumerUse::kReceive);
  RequireArgument(call, 2, "after_id");
  InitMaterializedSRF(call, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(call->resultinfo);
  WriteDue(call, consumer);
  Oid types[] = {INT4OID, TEXTOID, INT8OID, INT8OID};
  Datum values[] = {Int32GetDatum(consumer->id), call->args[1].value, call->args[2].value,
                    Int64GetDatum(DatumGetInt32(call->args[3].value))};
  const char nulls[] = {' ', call->args[1].isnull ? 'n' : ' ', ' ',
                        call->args[3].isnull ? 'n' : ' ', '\0'};
  WithSpi([&] {
    PushActiveSnapshot(GetLatestSnapshot());
    Portal portal = SPI_cursor_open_with_args(
        nullptr,
        "SELECT id, dead_at, reason, attempts, last_error, group_key, seq, message::json"
        " FROM sequin.dead_letter WHERE consumer = $1 AND ($2 IS NULL OR reason = $2) AND id > $3"
        " ORDER BY id LIMIT $4",
        lengthof(types), types, values, nulls, true, CURSOR_OPT_NO_SCROLL);
    for (;;) {
      SPI_cursor_fetch(portal, true, 1);  // it may be large
      if (SPI_processed == 0) break;
      tuplestore_puttuple(result->setResult, SPI_tuptable->vals[0]);
      SPI_freetuptable(SPI_tuptable);
    }
    SPI_cursor_close(portal);
    PopActiveSnapshot();
  });
  return Datum{0};
}

// ---- requeue_dead_letters ----------------------------------------------------------------------

struct Letter {
  int64 id;
  bool has_message;
  Entry entry;
};

Entry NewEntry(int64 id, Datum stored, OrderMode order) {
  std::string_view bytes = TextView(stored);
  EntryReader reader(bytes.data(), bytes.size(), 0);
  Entry entry;
  if (!reader.Read(&entry)) {
    ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED),
            errmsg("dead letter " INT64_FORMAT " is damaged", id));
  }
  // One that was put back before keeps its place among the others that were.
  if (entry.ord >= 0) entry.ord = kFirstRequeued + id;
  entry.seq = -id;
  entry.attempts = entry.deliveries = 0;
  entry.flags &= static_cast<uint8_t>(~kShadow);
  return InOrder(entry, order);
}

// Those that somebody else is deleting now are left to him: nobody may wait under the lock of the
// consumer.
Vec<Letter> TakeLetters(const Consumer* consumer, Choice choice) {
  Vec<Letter> letters;
  letters.context = CurrentMemoryContext;
  choice.values[5] = Int64GetDatum(kLettersMax);
  choice.nulls[5] = ' ';
  WithSpi([&] {
    Execute(psprintf("SELECT id, entry, record IS NOT NULL AND entry IS NOT NULL"
                     " FROM sequin.dead_letter%s ORDER BY id LIMIT $6 FOR UPDATE SKIP LOCKED",
                     kChosen),
            6, choice_types, choice.values, choice.nulls);
    for (uint64 row = 0; row < SPI_processed; row++) {
      bool is_null;
      Letter letter{};
      letter.id = DatumGetInt64(Column(row, 1, &is_null));
      letter.has_message = DatumGetBool(Column(row, 3, &is_null));
      if (letter.has_message) {
        letter.entry = NewEntry(letter.id, Column(row, 2, &is_null), consumer->order);
      }
      letters.push(letter);
    }
  });
  return letters;
}

// Tables that this cluster has never captured, of letters from another one, are named as well
// (kForeignNamesFrom of log_relation.h).
constexpr char kNameTables[] =
    "WITH named AS (SELECT DISTINCT ('{' || relation || '}')::jsonb AS names"
    "  FROM sequin.dead_letter WHERE id = ANY ($1))"
    " INSERT INTO sequin.relation (id, reloid, table_schema, table_name, since)"
    " SELECT (SELECT greatest(max(id), 1073741823) FROM sequin.relation) + row_number() OVER (), 0,"
    "  n.names->>'table_schema', n.names->>'table_name', '0/0'"
    " FROM named n WHERE n.names->>'table_schema' IS NOT NULL AND NOT EXISTS (SELECT FROM"
    "  sequin.relation r WHERE r.table_schema = n.names->>'table_schema'"
    "  AND r.table_name = n.names->>'table_name')";
constexpr char kKeepRows[] =
    "WITH letter AS (DELETE FROM sequin.dead_letter WHERE id = ANY ($1)"
    "  RETURNING *, ('{' || relation || '}')::jsonb AS names)"
    " INSERT INTO sequin.log_kept (seq, incarnation, commit_lsn, commit_time, commit_idx, xid,"
    "  relation, form, action, key, record, changes, meta, kept_at, consumer)"
    " SELECT -id, incarnation, commit_lsn, commit_time, commit_idx, '0'::xid,"
    "  coalesce((SELECT max(r.id) FROM sequin.relation r"
    "    WHERE r.table_schema = names->>'table_schema'"
    "    AND r.table_name = names->>'table_name'),"
    "   (SELECT -s.id FROM sequin.stream s WHERE s.name = names->>'stream'), 0),"
    "  form, action, key, record, changes, meta, pg_catalog.now(), consumer FROM letter";

void MoveRows(const Vec<Letter>& letters) {
  auto* ids = NewArray<Datum>(CurrentMemoryContext, letters.count);
  int count = 0;
  for (size_t i = 0; i < letters.count; i++) {
    if (letters[i].has_message) ids[count++] = Int64GetDatum(letters[i].id);
  }
  if (count == 0) return;
  Oid types[] = {INT8ARRAYOID};
  Datum values[] = {PointerGetDatum(
      construct_array(ids, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE))};
  WithOwnOrigin([&] {
    WithSpi([&] {
      Execute(kNameTables, 1, types, values, " ");
      Execute(kKeepRows, 1, types, values, " ");
    });
  });
}

Datum Requeue(FunctionCallInfo call) {
  RequireOwnStatement(call, "sequin.requeue_dead_letters");
  const Consumer* consumer = FindConsumer(TextArgument(call, 0, "consumer"), ConsumerUse::kOperate);
  InitMaterializedSRF(call, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(call->resultinfo);
  ChangeQueue(consumer, [](ClaimEngine*) {});
  Vec<Letter> letters = TakeLetters(consumer, ChoiceOf(call, consumer->id));
  MoveRows(letters);
  ChangeQueue(consumer, [&](ClaimEngine* engine) {
    for (size_t i = 0; i < letters.count; i++) {
      if (letters[i].has_message) engine->Requeue(letters[i].entry);
    }
  });
  for (size_t i = 0; i < letters.count; i++) {
    Datum values[2] = {Int64GetDatum(letters[i].id),
                       TextDatum(letters[i].has_message ? "REQUEUED" : "NO_MESSAGE")};
    bool nulls[2] = {};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
  return Datum{0};
}

// ---- purge_dead_letters ------------------------------------------------------------------------

int64 Purge(FunctionCallInfo call) {
  PreventCommandIfReadOnly("sequin.purge_dead_letters");
  const Consumer* consumer = FindConsumer(TextArgument(call, 0, "consumer"), ConsumerUse::kOperate);
  Choice choice = ChoiceOf(call, consumer->id);
  uint64 count = 0;
  WithOwnOrigin([&] {
    WithSpi([&] {
      count = Execute(psprintf("DELETE FROM sequin.dead_letter%s", kChosen), 5, choice_types,
                      choice.values, choice.nulls);
    });
  });
  return static_cast<int64>(count);
}

}  // namespace
}  // namespace sequin

extern "C" {

PG_FUNCTION_INFO_V1(sequin_dead_letters);
Datum sequin_dead_letters(PG_FUNCTION_ARGS) {
  return sequin::DeadLetters(fcinfo);
}

PG_FUNCTION_INFO_V1(sequin_requeue_dead_letters);
Datum sequin_requeue_dead_letters(PG_FUNCTION_ARGS) {
  return sequin::Requeue(fcinfo);
}

PG_FUNCTION_INFO_V1(sequin_purge_dead_letters);
Datum sequin_purge_dead_letters(PG_FUNCTION_ARGS) {
  PG_RETURN_INT64(sequin::Purge(fcinfo));
}

}  // extern "C"
