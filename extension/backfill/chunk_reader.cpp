// Reading a chunk of a backfill (feed.h).
//
// Tables with a key are read in its order (or in that of order_by, then the key), each chunk
// beginning behind the last row of the one before. Others are read block by block, and only what
// the first snapshot of the backfill saw: everything later is in the log as a change.
#include <algorithm>

#include "backfill/feed.h"

#include "capture/settings.h"
#include "decode/encode.h"
#include "log/reader.h"
#include "pg/table.h"
#include "pg/transaction.h"

namespace sequin {
namespace {

constexpr size_t kChunkBytesMax = 8 * 1024 * 1024;
constexpr int kOrderColumnsMax = 2 * INDEX_MAX_KEYS;

struct OrderColumn {
  AttrNumber number;
  const char* name;  // quoted
  Oid type;          // not a domain
};

struct Order {
  OrderColumn columns[kOrderColumnsMax];
  int count;
  bool by_block;  // no key
};

struct FoundRow {
  ItemPointerData tid;
  bool matches;
};

// ---- what to read ------------------------------------------------------------------------------

bool IsLeaf(Oid table) {
  return get_rel_relkind(table) == RELKIND_RELATION;
}

// The first table to read after `last`; InvalidOid: that was all.
Oid NextLeaf(const Feed& feed, Oid last) {
  bool family = get_rel_relkind(feed.relation) == RELKIND_PARTITIONED_TABLE;
  if (!family && !feed.include_children) return OidIsValid(last) ? InvalidOid : feed.relation;
  Oid next = InvalidOid;
  ListCell* cell;
  foreach (cell, find_all_inheritors(feed.relation, AccessShareLock, nullptr)) {
    Oid table = lfirst_oid(cell);
    if (IsLeaf(table) && table > last && (!OidIsValid(next) || table < next)) next = table;
  }
  return next;
}

void AddColumn(Order* order, Relation table, AttrNumber number) {
  for (int i = 0; i < order->count; i++) {
    if (order->columns[i].number == number) return;
  }
  Form_pg_attribute column = TupleDescAttr(RelationGetDescr(table), number - 1);
  order->columns[order->count++] = {number, quote_identifier(NameStr(column->attname)),
                                    getBaseType(column->atttypid)};
}

void AddKey(Order* order, Relation table) {
  Oid key = RelationGetPrimaryKeyIndex(table);
  if (!OidIsValid(key)) key = RelationGetReplicaIndex(table);
  order->by_block = !OidIsValid(key) && order->count == 0;
  if (!OidIsValid(key)) return;
  Relation index = index_open(key, AccessShareLock);
  for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++) {
    AddColumn(order, table, index->rd_index->indkey.values[i]);
  }
  index_close(index, AccessShareLock);
}

Order OrderOf(const Feed& feed, Relation table) {
  Order order{};
  if (feed.order_by != nullptr) {
    ArrayIterator names = array_create_iterator(feed.order_by, 0, nullptr);
    Datum name;
    bool is_null;
    while (array_iterate(names, &name, &is_null)) {
      char* column = TextDatumGetCString(name);
      AttrNumber number = get_attnum(RelationGetRelid(table), column);
      if (number <= 0) {
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
                errmsg("table %s has no column \"%s\" to order by", RelationGetRelationName(table),
                       column));
      }
      AddColumn(&order, table, number);
    }
  }
  AddKey(&order, table);
  return order;
}

// ---- the query ---------------------------------------------------------------------------------

struct Query {
  StringInfoData text;
  Oid types[kOrderColumnsMax];
  Datum values[kOrderColumnsMax];
  int count;
};

void AppendOrder(Query* query, const Order& order, int count) {
  for (int i = 0; i < count; i++) {
    appendStringInfo(&query->text, "%s%s", i > 0 ? ", " : "", order.columns[i].name);
  }
}

// `(a, b) > ($1, $2)` for the values of a text array, which may be fewer than the columns.
void AppendBound(Query* query, const Order& order, const char* comparison, ArrayType* bound) {
  ArrayIterator texts = array_create_iterator(bound, 0, nullptr);
  Datum value;
  bool is_null;
  while (query->count < order.count && array_iterate(texts, &value, &is_null)) {
    const OrderColumn& column = order.columns[query->count];
    Oid input, parameter;
    getTypeInputInfo(column.type, &input, &parameter);
    query->types[query->count] = column.type;
    query->values[query->count++] =
        OidInputFunctionCall(input, TextDatumGetCString(value), parameter, -1);
  }
  appendStringInfoString(&query->text, " WHERE (");
  AppendOrder(query, order, query->count);
  appendStringInfo(&query->text, ") %s (", comparison);
  for (int i = 0; i < query->count; i++) {
    appendStringInfo(&query->text, "%s$%d", i > 0 ? ", " : "", i + 1);
  }
  appendStringInfoString(&query->text, ")");
}

const char* QuotedName(Relation table) {
  return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(table)),
                                    RelationGetRelationName(table));
}

// Rows that the filter does not want are found all the same: so each query has an end near by.
void BeginQuery(const Feed& feed, Relation table, Query* query) {
  *query = Query{};
  initStringInfo(&query->text);
  appendStringInfo(&query->text,
                   "SELECT ctid, coalesce((%s\n)::pg_catalog.bool, false) FROM ONLY %s",
                   feed.filter ? feed.filter : "true", QuotedName(table));
}

Query KeyQuery(const Feed& feed, Relation table, const Order& order) {
  Query query;
  BeginQuery(feed, table, &query);
  if (feed.position != nullptr) {
    AppendBound(&query, order, ">", feed.position);
  } else if (feed.start_at != nullptr) {
    AppendBound(&query, order, ">=", feed.start_at);
  }
  appendStringInfoString(&query.text, " ORDER BY ");
  AppendOrder(&query, order, order.count);
  appendStringInfo(&query.text, " LIMIT %d", feed.chunk_rows);
  return query;
}

Query BlockQuery(const Feed& feed, Relation table, BlockNumber from, BlockNumber to) {
  Query query;
  BeginQuery(feed, table, &query);
  appendStringInfo(&query.text, " WHERE ctid >= '(%u,0)'::pg_catalog.tid", from);
  if (to != InvalidBlockNumber) {
    appendStringInfo(&query.text, " AND ctid < '(%u,0)'::pg_catalog.tid", to);
  }
  return query;
}

Vec<FoundRow> Find(const Feed& feed, Query* query, Snapshot snapshot) {
  Vec<FoundRow> found{};
  found.context = CurrentMemoryContext;
  AsConsumerOwner(feed.owner, [&] {
    SPI_connect();
    SPIPlanPtr plan = SPI_prepare(query->text.data, query->count, query->types);
    if (plan == nullptr) elog(ERROR, "SPI_prepare: %s", SPI_result_code_string(SPI_result));
    int result = SPI_execute_snapshot(plan, query->values, nullptr, snapshot, InvalidSnapshot, true,
                                      false, 0);
    if (result != SPI_OK_SELECT) elog(ERROR, "SPI_execute: %s", SPI_result_code_string(result));
    for (uint64 i = 0; i < SPI_processed; i++) {
      bool is_null;
      HeapTuple row = SPI_tuptable->vals[i];
      TupleDesc columns = SPI_tuptable->tupdesc;
      FoundRow one;
      one.tid =
          *reinterpret_cast<ItemPointer>(DatumGetPointer(SPI_getbinval(row, columns, 1, &is_null)));
      one.matches = DatumGetBool(SPI_getbinval(row, columns, 2, &is_null));
      found.push(one);
    }
    SPI_finish();
  });
  return found;
}

// ---- rows --------------------------------------------------------------------------------------

// The row with its TOASTed values, but those that no message has room for.
HeapTuple Fetched(HeapTuple row, TupleDesc descriptor) {
  if (!HeapTupleHasExternal(row)) return row;
  auto count = static_cast<size_t>(descriptor->natts);
  auto* values = static_cast<Datum*>(palloc(sizeof(Datum) * count));
  auto* nulls = static_cast<bool*>(palloc(sizeof(bool) * count));
  heap_deform_tuple(row, descriptor, values, nulls);
  for (size_t i = 0; i < count; i++) {
    Form_pg_attribute column = TupleDescAttr(descriptor, static_cast<int>(i));
    if (nulls[i] || column->attlen != -1) continue;
    auto* value = reinterpret_cast<struct varlena*>(DatumGetPointer(values[i]));
    if (!VARATT_IS_EXTERNAL_ONDISK(value) || toast_raw_datum_size(values[i]) > MaxValueBytes()) {
      continue;
    }
    values[i] = PointerGetDatum(detoast_external_attr(value));
  }
  return heap_form_tuple(descriptor, values, nulls);
}

// By the first snapshot of the backfill, as far as one can tell: of a row that VACUUM has frozen
// it is assumed.
bool SeenAtFirst(std::string_view snapshot, HeapTuple row) {
  TransactionId xmin = HeapTupleHeaderGetXmin(row->t_data);
  if (!TransactionIdIsNormal(xmin)) return true;
  auto* xids = reinterpret_cast<const TransactionId*>(snapshot.data());
  if (TransactionIdPrecedes(xmin, xids[0])) return true;
  if (TransactionIdFollowsOrEquals(xmin, xids[1])) return false;
  return !std::binary_search(xids + 2, xids + snapshot.size() / sizeof(TransactionId), xmin);
}

class RowEncoder {
 public:
  RowEncoder(const Feed& feed, Decoder* decoder, Relation table, bool careful)
      : decoder_(decoder), table_(table), careful_(careful), idx_(feed.rows_sent) {
    plan_ = decoder->plans.PlanOf(table);
    RequireRoute();
    // Rows without a key are groups of their own.
    memcpy(&place_.commit_lsn, feed.uuid.data, sizeof(place_.commit_lsn));
    place_.more_meta =
        psprintf(",\"backfill_id\":\"%s\"",
                 DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&feed.uuid))));
  }

  FeedRows Kind() const {
    const RoutePlan& route = plan_->routes[0];
    if (plan_->key_count == 0) return FeedRows::kWithoutKey;
    return route.group_by == GroupBy::kKey ? FeedRows::kGroupedByKey : FeedRows::kGroupedOtherwise;
  }

  void Encode(HeapTuple row) {
    InContext(EncodeContext(), [&] {
      auto encode = [&] {
        EncodeChange(decoder_, plan_, place_, idx_, kRead, nullptr,
                     Fetched(row, RelationGetDescr(table_)));
      };
      if (!careful_) {
        encode();
      } else if (ErrorData* error = InSubtransaction(encode)) {
        EncodeFailure(decoder_, plan_, place_, idx_, kRead, error->message);
      }
    });
    MemoryContextReset(EncodeContext());
    idx_++;
  }

 private:
  void RequireRoute() {
    if (plan_->route_count == 0) {
      ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
              errmsg("the consumer does not capture table %s", QuotedName(table_)),
              errdetail("Its tables do not include it, or its owner may not read all of it."));
    }
    if (plan_->error != nullptr) ereport(ERROR, errmsg("%s", plan_->error));
    if (Kind() == FeedRows::kGroupedOtherwise && !plan_->forms[plan_->routes[0].form].shows_key) {
      ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
              errmsg("table %s cannot be backfilled without the right to read its key",
                     QuotedName(table_)),
              errdetail("The consumer's groups are not those of the key, so that rows could not be "
                        "told from each other."));
    }
  }

  Decoder* decoder_;
  Relation table_;
  RelationPlan* plan_;
  bool careful_;
  int64 idx_;
  TransactionPlace place_{};
};

// The values of the order columns, as text.
ArrayType* PositionOf(const Order& order, TupleTableSlot* row) {
  Datum texts[kOrderColumnsMax];
  for (int i = 0; i < order.count; i++) {
    bool is_null;
    Datum value = slot_getattr(row, order.columns[i].number, &is_null);
    if (is_null) {
      ereport(ERROR, errcode(ERRCODE_NOT_NULL_VIOLATION),
              errmsg("column %s, which the backfill is ordered by, is NULL in a row",
                     order.columns[i].name));
    }
    Oid output;
    bool varlena;
    getTypeOutputInfo(order.columns[i].type, &output, &varlena);
    texts[i] = CStringGetTextDatum(OidOutputFunctionCall(output, value));
  }
  return construct_array(texts, order.count, TEXTOID, -1, false, TYPALIGN_INT);
}

// Encodes what was found, until the chunk is large enough; returns how many rows it has done with.
// Where there is no key it ends only between blocks.
size_t EncodeRows(const Feed& feed, Decoder* decoder, Relation table, const Order& order,
                  const Vec<FoundRow>& found, bool careful, Chunk* chunk) {
  RowEncoder encoder(feed, decoder, table, careful);
  chunk->rows = encoder.Kind();
  TupleTableSlot* slot = table_slot_create(table, nullptr);
  auto block = [&](size_t i) { return ItemPointerGetBlockNumber(&found.data[i].tid); };
  auto full = [&] { return decoder->batch.bytes() >= kChunkBytesMax; };
  size_t done = 0;
  for (bool more = found.count > 0; more; done++) {
    CHECK_FOR_INTERRUPTS();
    FoundRow& row = found.data[done];
    if (!table_tuple_fetch_row_version(table, &row.tid, chunk->snapshot, slot)) {
      elog(ERROR, "a row of the chunk is gone");
    }
    bool ours;
    HeapTuple tuple = ExecFetchSlotHeapTuple(slot, false, &ours);
    bool wanted = row.matches && (!order.by_block || SeenAtFirst(chunk->first_snapshot, tuple));
    if (wanted) encoder.Encode(tuple);
    bool may_end = !order.by_block || done + 1 == found.count || block(done + 1) != block(done);
    more = done + 1 < found.count && !(full() && may_end);
    if (!more && !order.by_block) chunk->position = PositionOf(order, slot);
    if (ours) heap_freetuple(tuple);
    ExecClearTuple(slot);
  }
  ExecDropSingleTupleTableSlot(slot);
  chunk->rows_read += static_cast<int64>(done);
  return done;
}

ArrayType* BlockPosition(BlockNumber block) {
  Datum text = CStringGetTextDatum(psprintf("%u", block));
  return construct_array(&text, 1, TEXTOID, -1, false, TYPALIGN_INT);
}

BlockNumber BlockOf(ArrayType* position) {
  if (position == nullptr) return 0;
  Datum block;
  bool is_null;
  array_iterate(array_create_iterator(position, 0, nullptr), &block, &is_null);
  return static_cast<BlockNumber>(strtoul(TextDatumGetCString(block), nullptr, 10));
}

// True: the table is read to its end.
bool ReadByKey(const Feed& feed, Decoder* decoder, Relation table, const Order& order, bool careful,
               Chunk* chunk) {
  Query query = KeyQuery(feed, table, order);
  Vec<FoundRow> found = Find(feed, &query, chunk->snapshot);
  size_t done = EncodeRows(feed, decoder, table, order, found, careful, chunk);
  return done == found.count && found.count < static_cast<size_t>(feed.chunk_rows);
}

BlockNumber BlocksOfChunk(const Feed& feed, Relation table) {
  double rows = table->rd_rel->reltuples;
  double per_block = rows > 0 ? Max(rows / Max(table->rd_rel->relpages, 1), 1.0) : 50.0;
  return static_cast<BlockNumber>(Max(feed.chunk_rows / per_block, 1.0));
}

bool ReadByBlock(const Feed& feed, Decoder* decoder, Relation table, const Order& order,
                 bool careful, Chunk* chunk) {
  if (feed.position != nullptr && feed.filenode != chunk->filenode) {
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("table %s was rewritten or truncated during its backfill", QuotedName(table)),
            errdetail("It has no primary key and no replica identity index, so that its rows "
                      "cannot be found again."),
            errhint("Start another backfill."));
  }
  BlockNumber end = RelationGetNumberOfBlocks(table);
  BlockNumber from = BlockOf(feed.position);
  BlockNumber to = from + BlocksOfChunk(feed, table);
  Query query = BlockQuery(feed, table, from, to < end ? to : InvalidBlockNumber);
  Vec<FoundRow> found = Find(feed, &query, chunk->snapshot);
  size_t done = EncodeRows(feed, decoder, table, order, found, careful, chunk);
  if (done < found.count) to = ItemPointerGetBlockNumber(&found.data[done].tid);
  chunk->position = BlockPosition(to);
  return done == found.count && to >= end;
}

}  // namespace

bytea* SnapshotBytes(Snapshot snapshot, bool with_children) {
  Vec<TransactionId> xids{};
  for (uint32 i = 0; i < snapshot->xcnt; i++) xids.push(snapshot->xip[i]);
  for (int32 i = 0; with_children && i < snapshot->subxcnt; i++) xids.push(snapshot->subxip[i]);
  std::sort(xids.begin(), xids.end());
  StringInfoData bytes;
  initStringInfo(&bytes);
  for (TransactionId bound : {snapshot->xmin, snapshot->xmax}) {
    appendBinaryStringInfo(&bytes, reinterpret_cast<const char*>(&bound), sizeof(bound));
  }
  appendBinaryStringInfo(&bytes, reinterpret_cast<const char*>(xids.data),
                         static_cast<int>(xids.count * sizeof(TransactionId)));
  return DatumGetByteaP(ByteaDatum({bytes.data, static_cast<size_t>(bytes.len)}));
}

static std::string_view BytesOf(const bytea* value) {
  return {VARDATA(value), VARSIZE(value) - static_cast<size_t>(VARHDRSZ)};
}

bool ReadChunk(const Feed& feed, Decoder* decoder, bool careful, Chunk* chunk) {
  chunk->leaf = OidIsValid(feed.leaf) ? feed.leaf : NextLeaf(feed, InvalidOid);
  chunk->position = feed.position;
  chunk->first_snapshot = feed.first_snapshot;
  chunk->rows_read = feed.rows_read;
  chunk->rows_sent = feed.rows_sent;
  bool read_all = true;
  if (OidIsValid(chunk->leaf)) {
    // Before the snapshot: neither TRUNCATE nor a change of the columns comes in between.
    Relation table = try_relation_open(chunk->leaf, AccessShareLock);
    if (table != nullptr) {
      chunk->filenode = table->rd_rel->relfilenode;
      chunk->low_ord = RouteOf(feed.consumer).end;
      chunk->snapshot = RegisterSnapshot(GetLatestSnapshot());
      PushActiveSnapshot(chunk->snapshot);
      Order order = OrderOf(feed, table);
      if (order.by_block && feed.first_snapshot.empty()) {
        if (chunk->snapshot->suboverflowed) {
          // Which rows belong to it could not be told later.
          PopActiveSnapshot();
          UnregisterSnapshot(chunk->snapshot);
          table_close(table, NoLock);
          return false;
        }
        chunk->first_snapshot = BytesOf(SnapshotBytes(chunk->snapshot, true));
      }
      auto read = order.by_block ? ReadByBlock : ReadByKey;
      read_all = read(feed, decoder, table, order, careful, chunk);
      chunk->rows_sent += decoder->batch.rows();
      PopActiveSnapshot();
      table_close(table, NoLock);
    }
  }
  if (read_all) {
    chunk->leaf = OidIsValid(chunk->leaf) ? NextLeaf(feed, chunk->leaf) : InvalidOid;
    chunk->position = nullptr;
    chunk->filenode = InvalidOid;
    chunk->complete = !OidIsValid(chunk->leaf);
  }
  return true;
}

int64 EstimateRows(const Feed& feed) {
  double total = 0;
  for (Oid leaf = NextLeaf(feed, InvalidOid); OidIsValid(leaf); leaf = NextLeaf(feed, leaf)) {
    Relation table = try_relation_open(leaf, AccessShareLock);
    if (table == nullptr) continue;
    BlockNumber pages;
    double rows, all_visible;
    estimate_rel_size(table, nullptr, &pages, &rows, &all_visible);
    total += rows;
    table_close(table, NoLock);
  }
  return static_cast<int64>(total);
}

}  // namespace sequin
