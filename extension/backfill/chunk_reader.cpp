// Reading a chunk of a backfill (feed.h).
//
// Tables with a key are read in its order (or in that of order_by, then the key), each chunk
// beginning behind the last row of the one before. Others are read block by block, and only what
// the first snapshot of the backfill saw: everything later is in the log as a change.
#include <algorithm>

#include "backfill/chunk_query.h"

#include "capture/settings.h"
#include "catalog/captured_table.h"
#include "catalog/replica_identity.h"
#include "decode/encode.h"
#include "log/reader.h"
#include "pg/table.h"
#include "pg/transaction.h"

namespace sequin {
namespace {

constexpr size_t kChunkBytesMax = 8 * 1024 * 1024;

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
  foreach (cell, find_all_inheritors(feed.relation, NoLock, nullptr)) {
    Oid table = lfirst_oid(cell);
    if (IsLeaf(table) && table > last && (!OidIsValid(next) || table < next)) next = table;
  }
  return next;
}

// A partition may have been detached meanwhile.
bool StillBelongs(const Feed& feed, Relation leaf) {
  Oid table = RelationGetRelid(leaf);
  if (table == feed.relation) return true;
  return list_member_oid(
      leaf->rd_rel->relispartition ? get_partition_ancestors(table) : InheritanceAncestors(table),
      feed.relation);
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

  int32 TableNumber() const { return plan_->routes[0].face->name_id; }

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
      ereport(
          ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
          errmsg("the consumer does not capture table %s", QualifiedName(RelationGetRelid(table_))),
          errdetail("Its tables do not include it, or its owner may not read all of it."));
    }
    if (plan_->error != nullptr) ereport(ERROR, errmsg("%s", plan_->error));
    if (Kind() == FeedRows::kGroupedOtherwise && !plan_->forms[plan_->routes[0].form].shows_key) {
      ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
              errmsg("table %s cannot be backfilled without the right to read its key",
                     QualifiedName(RelationGetRelid(table_))),
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
  chunk->table = encoder.TableNumber();
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
  Vec<FoundRow> found = FindByKey(feed, table, order, chunk->snapshot);
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
            errmsg("table %s was rewritten or truncated during its backfill",
                   QualifiedName(RelationGetRelid(table))),
            errdetail("It has no primary key and no replica identity index, so that its rows "
                      "cannot be found again."),
            errhint("Start another backfill."));
  }
  BlockNumber end = RelationGetNumberOfBlocks(table);
  BlockNumber from = BlockOf(feed.position);
  BlockNumber to = from + BlocksOfChunk(feed, table);
  Vec<FoundRow> found =
      FindByBlock(feed, table, from, to < end ? to : InvalidBlockNumber, chunk->snapshot);
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

// The position would mean another place by other columns.
static void RequireSameOrder(const Feed& feed, Relation table, const Order& order) {
  bool same = feed.position == nullptr || feed.position_of == nullptr ||
              strcmp(feed.position_of, order.identity) == 0;
  if (same) return;
  ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
          errmsg("the key of table %s was changed during its backfill",
                 QualifiedName(RelationGetRelid(table))),
          errdetail("The rows are read in its order, so that the place cannot be found again."),
          errhint("Start another backfill."));
}

enum class Read { kLater, kPart, kAll };

static Read ReadLeaf(const Feed& feed, Relation table, Decoder* decoder, bool careful,
                     Chunk* chunk) {
  chunk->filenode = table->rd_rel->relfilenode;
  chunk->low_ord = RouteOf(feed.consumer).end;
  Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  Order order = OrderOf(feed, table);
  RequireSameOrder(feed, table, order);
  if (order.by_block && feed.first_snapshot.empty()) {
    // Which rows belong to an overflowed one could not be told later.
    if (snapshot->suboverflowed) {
      UnregisterSnapshot(snapshot);
      return Read::kLater;
    }
    chunk->first_snapshot = BytesOf(SnapshotBytes(snapshot, true));
  }
  chunk->snapshot = snapshot;
  chunk->position_of = order.identity;
  PushActiveSnapshot(snapshot);
  bool all = order.by_block ? ReadByBlock(feed, decoder, table, order, careful, chunk)
                            : ReadByKey(feed, decoder, table, order, careful, chunk);
  PopActiveSnapshot();
  chunk->rows_sent += decoder->batch.rows();
  return all ? Read::kAll : Read::kPart;
}

bool ReadChunk(const Feed& feed, Decoder* decoder, bool careful, Chunk* chunk) {
  chunk->leaf = OidIsValid(feed.leaf) ? feed.leaf : NextLeaf(feed, InvalidOid);
  chunk->position = feed.position;
  chunk->first_snapshot = feed.first_snapshot;
  chunk->rows_read = feed.rows_read;
  chunk->rows_sent = feed.rows_sent;
  // Before the snapshot: neither TRUNCATE nor a change of the columns comes in between.
  Relation table =
      OidIsValid(chunk->leaf) ? try_relation_open(chunk->leaf, AccessShareLock) : nullptr;
  if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(feed.relation))) {
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
            errmsg("the table was dropped during its backfill"));
  }
  Read read = Read::kAll;
  if (table != nullptr) {
    if (StillBelongs(feed, table)) read = ReadLeaf(feed, table, decoder, careful, chunk);
    table_close(table, NoLock);
  }
  if (read == Read::kAll) {
    chunk->leaf = OidIsValid(chunk->leaf) ? NextLeaf(feed, chunk->leaf) : InvalidOid;
    chunk->position = nullptr;
    chunk->position_of = nullptr;
    chunk->filenode = InvalidOid;
    chunk->complete = !OidIsValid(chunk->leaf);
  }
  return read != Read::kLater;
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
