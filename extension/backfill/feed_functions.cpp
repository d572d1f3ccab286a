// SQL functions that ask for backfills and replays, and that pause and end them (api/feeds.sql).
//
// They run as their caller, who must own the consumer, and write as the owner of the extension.
#include "backfill/feed_request.h"

#include "capture/shared_state.h"
#include "catalog/captured_table.h"
#include "catalog/consumer.h"
#include "catalog/owner_statement.h"
#include "catalog/stored_consumer.h"
#include "change/value_settings.h"
#include "filter/filter.h"
#include "pg/memory.h"
#include "pg/table.h"

namespace sequin {
namespace {

bool wake_at_commit = false;
bool callback_registered = false;

void AtTransactionEnd(XactEvent event, void*) {
  if (event == XACT_EVENT_COMMIT && wake_at_commit) {
    if (DatabaseState* state = FindDatabase(MyDatabaseId, false)) {
      pg_atomic_write_u32(&state->feed_wanted, 1);
      WakeLauncher();
      WakeFeeder(state);
    }
  }
  if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT) wake_at_commit = false;
}

void WakeFeederAtCommit() {
  if (!callback_registered) RegisterXactCallback(AtTransactionEnd, nullptr);
  callback_registered = true;
  wake_at_commit = true;
}

// ---- checks ------------------------------------------------------------------------------------

void CheckChunkRows(int32 rows) {
  if (rows >= 1 && rows <= 10000) return;
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("chunk_rows must be between 1 and 10000, not %d", rows));
}

const char* NameOf(Relation table) {
  return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(table)),
                                    RelationGetRelationName(table));
}

bool HasKey(Relation table) {
  return OidIsValid(RelationGetPrimaryKeyIndex(table)) ||
         OidIsValid(RelationGetReplicaIndex(table));
}

bool LeadsAnIndex(Relation table, AttrNumber column) {
  bool leads = false;
  ListCell* cell;
  foreach (cell, RelationGetIndexList(table)) {
    Relation index = index_open(lfirst_oid(cell), AccessShareLock);
    leads |= index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indisvalid &&
             index->rd_index->indkey.values[0] == column &&
             heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr);
    index_close(index, AccessShareLock);
  }
  return leads;
}

AttrNumber OrderColumn(Relation table, const char* name) {
  AttrNumber number = get_attnum(RelationGetRelid(table), name);
  if (number <= 0) {
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
            errmsg("table %s has no column \"%s\" to order by", NameOf(table), name));
  }
  if (!TupleDescAttr(RelationGetDescr(table), number - 1)->attnotnull) {
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("a backfill cannot be ordered by \"%s\", which may be NULL", name),
            errhint("Order by columns that are NOT NULL."));
  }
  return number;
}

void RequireDifferent(const TextList& order_by) {
  for (int i = 0; i < order_by.count; i++) {
    for (int other = 0; other < i; other++) {
      if (strcmp(order_by.items[i], order_by.items[other]) != 0) continue;
      ereport(ERROR, errcode(ERRCODE_DUPLICATE_COLUMN),
              errmsg("order_by names column \"%s\" twice", order_by.items[i]));
    }
  }
}

// The first column must lead an index: otherwise each chunk would sort the whole table.
void CheckOrder(Relation table, const TextList& order_by) {
  if (order_by.count == 0) return;
  if (order_by.count > INDEX_MAX_KEYS) {
    ereport(ERROR, errcode(ERRCODE_TOO_MANY_COLUMNS),
            errmsg("order_by has %d columns, but at most %d are possible", order_by.count,
                   INDEX_MAX_KEYS));
  }
  RequireDifferent(order_by);
  if (!HasKey(table)) {
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("a backfill of table %s cannot be ordered", NameOf(table)),
            errdetail("It has no primary key and no replica identity index, so that it is read "
                      "block by block."));
  }
  for (const char* name : order_by) OrderColumn(table, name);
  if (LeadsAnIndex(table, get_attnum(RelationGetRelid(table), order_by.items[0]))) return;
  ereport(
      ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
      errmsg("no index of table %s begins with column \"%s\"", NameOf(table), order_by.items[0]),
      errhint("Make one, so that a chunk can be read without sorting the table."));
}

// The columns that `start` has values for: order_by, else the key.
Vec<AttrNumber> StartColumns(Relation table, const TextList& order_by) {
  Vec<AttrNumber> columns{};
  for (const char* name : order_by) columns.push(get_attnum(RelationGetRelid(table), name));
  if (order_by.count > 0) return columns;
  Oid key = RelationGetPrimaryKeyIndex(table);
  if (!OidIsValid(key)) key = RelationGetReplicaIndex(table);
  if (!OidIsValid(key)) return columns;
  Relation index = index_open(key, AccessShareLock);
  for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++) {
    columns.push(index->rd_index->indkey.values[i]);
  }
  index_close(index, AccessShareLock);
  return columns;
}

// A value as the feeder will read it, whose time zone and date style are not those of the session.
Datum FixedText(Oid type, const char* text) {
  Oid input, output, parameter;
  bool varlena;
  getTypeInputInfo(type, &input, &parameter);
  Datum value = OidInputFunctionCall(input, const_cast<char*>(text), parameter, -1);
  getTypeOutputInfo(type, &output, &varlena);
  int level = BeginValueSettings();
  Datum fixed = CStringGetTextDatum(OidOutputFunctionCall(output, value));
  AtEOXact_GUC(true, level);
  return fixed;
}

// `start` as the feeder will read it; 0: none.
Datum StartOf(Relation table, const TextList& order_by, const TextList& start) {
  if (start.count == 0) return 0;
  Vec<AttrNumber> columns = StartColumns(table, order_by);
  if (static_cast<size_t>(start.count) > columns.count) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("start_at has %d values, but table %s is read by %zu columns", start.count,
                   NameOf(table), columns.count),
            errhint("Give values of the order_by columns, or else of the primary key."));
  }
  auto* texts = NewArray<Datum>(CurrentMemoryContext, static_cast<size_t>(start.count));
  for (int i = 0; i < start.count; i++) {
    Oid type =
        TupleDescAttr(RelationGetDescr(table), columns[static_cast<size_t>(i)] - 1)->atttypid;
    texts[i] = FixedText(getBaseType(type), start.items[i]);
  }
  return PointerGetDatum(construct_array(texts, start.count, TEXTOID, -1, false, TYPALIGN_INT));
}

// Parsed as the feeder will: names are looked up in pg_catalog only.
void CheckBackfillFilter(Relation table, const char* filter) {
  if (filter == nullptr) return;
  CheckFilterSyntax(filter);
  int nest_level = NewGUCNestLevel();
  set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
                    GUC_ACTION_SAVE, true, 0, false);
  SPI_connect();
  char* query = psprintf("SELECT coalesce((%s\n)::pg_catalog.bool, false) FROM ONLY %s", filter,
                         NameOf(table));
  if (SPI_prepare(query, 0, nullptr) == nullptr) {
    elog(ERROR, "SPI_prepare: %s", SPI_result_code_string(SPI_result));
  }
  SPI_finish();
  AtEOXact_GUC(true, nest_level);
}

void CheckReplayFilter(const char* filter) {
  CheckFilterSyntax(filter);
  int nest_level = NewGUCNestLevel();
  set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
                    GUC_ACTION_SAVE, true, 0, false);
  SPI_connect();
  char* query = psprintf(
      "SELECT (%s\n)::pg_catalog.bool FROM (SELECT NULL::bigint AS seq, NULL::pg_lsn AS "
      "commit_lsn, "
      "NULL::timestamptz AS commit_time, NULL::bigint AS commit_idx, NULL::text AS action, "
      "NULL::text AS table_schema, NULL::text AS table_name, NULL::jsonb AS record_pks, "
      "NULL::jsonb AS record, NULL::jsonb AS changes, NULL::jsonb AS metadata) AS message",
      filter);
  if (SPI_prepare(query, 0, nullptr) == nullptr) {
    elog(ERROR, "SPI_prepare: %s", SPI_result_code_string(SPI_result));
  }
  SPI_finish();
  AtEOXact_GUC(true, nest_level);
}

// By the name that its changes are published under: its own, or that of its partition root.
void CheckCaptured(const Consumer* consumer, Relation table) {
  Declaration declaration = LoadDeclaration(consumer->id);
  std::span<const char* const> patterns(declaration.tables.items,
                                        static_cast<size_t>(declaration.tables.count));
  Oid root = RelationGetRelid(table);
  bool matches = false;
  for (Oid one = root; OidIsValid(one) && !matches;) {
    matches = TableMatches(patterns, get_namespace_name(get_rel_namespace(one)), get_rel_name(one));
    root = one;
    one = get_rel_relispartition(one) ? get_partition_parent(one, true) : InvalidOid;
  }
  if (!matches && !declaration.include_children) {
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("consumer \"%s\" does not capture table %s", consumer->name, NameOf(table)),
            errhint("Change its tables with sequin.alter_consumer first."));
  }
  TablePattern pattern;
  ParseTablePattern(NameOf(table), &pattern);
  if (matches && !get_rel_relispartition(RelationGetRelid(table))) {
    CapturedTable(pattern, consumer->owner);
  }
}

// ---- asking ------------------------------------------------------------------------------------

struct Request {
  int32 consumer;
  Oid table;           // InvalidOid: a replay
  const char* filter;  // nullptr: none
  Datum order_by;      // 0: none
  Datum start_at;
  int32 chunk_rows;
  int32 rows_per_second;  // 0: no limit
};

pg_uuid_t* Insert(const Request& request) {
  StatementValues values;
  values.Int4(request.consumer)
      .Add(OIDOID, ObjectIdGetDatum(request.table), !OidIsValid(request.table))
      .Text(request.filter)
      .Add(TEXTARRAYOID, request.order_by, request.order_by == 0)
      .Add(TEXTARRAYOID, request.start_at, request.start_at == 0)
      .Int4(request.chunk_rows)
      .Limit(request.rows_per_second);
  auto* uuid = static_cast<pg_uuid_t*>(palloc(sizeof(pg_uuid_t)));
  RunAsOwner(
      "INSERT INTO sequin.feed (kind, consumer, relation, filter, order_by, start_at, chunk_rows, "
      "rows_per_second, upto_lsn, changed_lsn) SELECT CASE WHEN $2 IS NULL THEN 'replay' ELSE "
      "'backfill' END, $1, $2, $3, $4, $5, $6, $7, lsn, lsn FROM "
      "pg_catalog.pg_current_wal_insert_lsn() lsn RETURNING uuid",
      values, [&](HeapTuple row, TupleDesc columns) {
        bool is_null;
        *uuid = *DatumGetUUIDP(SPI_getbinval(row, columns, 1, &is_null));
      });
  WakeFeederAtCommit();
  return uuid;
}

Datum Argument(FunctionCallInfo call, int number) {
  return call->args[number].isnull ? Datum{0} : call->args[number].value;
}

Consumer* OwnConsumer(FunctionCallInfo call) {
  if (call->args[0].isnull) {
    ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("consumer must not be NULL"));
  }
  return FindConsumer(TextView(call->args[0].value), ConsumerUse::kOwn);
}

const char* FilterArgument(FunctionCallInfo call, int number) {
  if (call->args[number].isnull) return nullptr;
  const char* filter = TextDatumGetCString(call->args[number].value);
  return *filter ? filter : nullptr;
}

// consumer, table, filter, order_by, start_at, chunk_rows
pg_uuid_t* RequestBackfill(FunctionCallInfo call) {
  Consumer* consumer = OwnConsumer(call);
  if (call->args[1].isnull) {
    ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("table must not be NULL"));
  }
  Relation table = relation_open(DatumGetObjectId(call->args[1].value), AccessShareLock);
  Request request{};
  request.consumer = consumer->id;
  request.table = RelationGetRelid(table);
  request.filter = FilterArgument(call, 2);
  request.order_by = Argument(call, 3);
  request.chunk_rows = call->args[5].isnull ? kChunkRows : DatumGetInt32(call->args[5].value);
  CheckChunkRows(request.chunk_rows);
  CheckCaptured(consumer, table);
  TextList order_by{}, start{};
  if (request.order_by) order_by = TextListOf(request.order_by, "order_by");
  if (Datum start_at = Argument(call, 4)) start = TextListOf(start_at, "start_at");
  if (order_by.count == 0) request.order_by = 0;
  CheckOrder(table, order_by);
  request.start_at = StartOf(table, order_by, start);
  CheckBackfillFilter(table, request.filter);
  relation_close(table, NoLock);
  return Insert(request);
}

// consumer, filter, rows_per_second
pg_uuid_t* RequestReplay(FunctionCallInfo call) {
  Consumer* consumer = OwnConsumer(call);
  if (consumer->latest) {
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("consumer \"%s\" gets only the latest message of each key", consumer->name),
            errdetail("Older messages cannot be replayed to it."));
  }
  Request request{};
  request.consumer = consumer->id;
  request.filter = FilterArgument(call, 1);
  request.rows_per_second = call->args[2].isnull ? 0 : DatumGetInt32(call->args[2].value);
  if (request.rows_per_second < 0) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("rows_per_second must not be negative"), errhint("0 means without limit."));
  }
  if (request.filter != nullptr) CheckReplayFilter(request.filter);
  // No more at once than half a second's worth.
  request.chunk_rows = request.rows_per_second == 0
                           ? kChunkRows
                           : Min(kChunkRows, Max(request.rows_per_second / 2, 1));
  return Insert(request);
}

// ---- control -----------------------------------------------------------------------------------

struct Found {
  int32 id;
  int32 consumer;
  const char* state;
};

Found FindFeed(const pg_uuid_t* uuid, const char* kind) {
  Found found{};
  StatementValues values;
  values.Uuid(uuid).Text(kind);
  MemoryContext home = CurrentMemoryContext;
  RunAsOwner("SELECT id, consumer, state FROM sequin.feed WHERE uuid = $1 AND kind = $2", values,
             [&](HeapTuple row, TupleDesc columns) {
               bool is_null;
               found.id = DatumGetInt32(SPI_getbinval(row, columns, 1, &is_null));
               found.consumer = DatumGetInt32(SPI_getbinval(row, columns, 2, &is_null));
               found.state = MemoryContextStrdup(home, SPI_getvalue(row, columns, 3));
             });
  if (found.id == 0) {
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
            errmsg("there is no %s %s", kind,
                   DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(uuid)))),
            errhint("TABLE sequin.%ss shows them.", kind));
  }
  FindConsumerById(found.consumer, ConsumerUse::kManage);
  return found;
}

// Waits for the chunk that is being read, not for more.
void ChangeState(FunctionCallInfo call, const char* kind, const char* state,
                 const char* allowed_from) {
  Found found = FindFeed(DatumGetUUIDP(call->args[0].value), kind);
  StatementValues values;
  values.Int4(found.id).Text(state).Text(allowed_from);
  uint64 changed = RunAsOwner(
      "UPDATE sequin.feed SET state = $2, error = NULL, turns_begun = 0,"
      " changed_at = pg_catalog.now(), changed_lsn = pg_catalog.pg_current_wal_insert_lsn()"
      " WHERE id = $1 AND (state = $2 OR state = ANY (pg_catalog.string_to_array($3, ',')))",
      values);
  if (changed == 0) {
    found = FindFeed(DatumGetUUIDP(call->args[0].value), kind);
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("the %s is %s", kind, found.state), errhint("Ask for another one instead."));
  }
  WakeFeederAtCommit();
}

}  // namespace

pg_uuid_t* RequestWholeBackfill(int32 consumer, Oid table, const char* filter) {
  Request request{};
  request.consumer = consumer;
  request.table = table;
  request.filter = filter;
  request.chunk_rows = kChunkRows;
  return Insert(request);
}

}  // namespace sequin

using namespace sequin;

extern "C" {

PG_FUNCTION_INFO_V1(sequin_backfill);
Datum sequin_backfill(PG_FUNCTION_ARGS) {
  PG_RETURN_UUID_P(RequestBackfill(fcinfo));
}

PG_FUNCTION_INFO_V1(sequin_pause_backfill);
Datum sequin_pause_backfill(PG_FUNCTION_ARGS) {
  ChangeState(fcinfo, "backfill", "paused", "running");
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_resume_backfill);
Datum sequin_resume_backfill(PG_FUNCTION_ARGS) {
  ChangeState(fcinfo, "backfill", "running", "paused,failed");
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_cancel_backfill);
Datum sequin_cancel_backfill(PG_FUNCTION_ARGS) {
  ChangeState(fcinfo, "backfill", "cancelled", "running,paused,failed");
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_replay);
Datum sequin_replay(PG_FUNCTION_ARGS) {
  PG_RETURN_UUID_P(RequestReplay(fcinfo));
}

PG_FUNCTION_INFO_V1(sequin_pause_replay);
Datum sequin_pause_replay(PG_FUNCTION_ARGS) {
  ChangeState(fcinfo, "replay", "paused", "running");
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_resume_replay);
Datum sequin_resume_replay(PG_FUNCTION_ARGS) {
  ChangeState(fcinfo, "replay", "running", "paused,failed");
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_cancel_replay);
Datum sequin_cancel_replay(PG_FUNCTION_ARGS) {
  ChangeState(fcinfo, "replay", "cancelled", "running,paused,failed");
  PG_RETURN_VOID();
}

}  // extern "C"
