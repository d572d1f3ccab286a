// The tables of the feeder (feed_store.h).
#include "backfill/feed_store.h"

#include "decode/routing.h"
#include "log/reader.h"
#include "pg/table.h"

namespace sequin {
namespace {

class Statement {
 public:
  explicit Statement(const char* sql) : text_(sql) {}

  Statement& Add(Oid type, Datum value, bool is_null = false) {
    types_[count_] = type;
    values_[count_] = value;
    nulls_[count_++] = is_null ? 'n' : ' ';
    return *this;
  }
  Statement& Int4(int32 value) { return Add(INT4OID, Int32GetDatum(value)); }
  Statement& Int8(int64 value) { return Add(INT8OID, Int64GetDatum(value)); }
  Statement& Table(Oid value) { return Add(OIDOID, ObjectIdGetDatum(value), !OidIsValid(value)); }
  Statement& Text(const char* value) {
    return Add(TEXTOID, value ? CStringGetTextDatum(value) : Datum{0}, value == nullptr);
  }

  // `read` sees each row, before SPI's memory goes away. Sees the newest committed rows.
  template <typename Read>
  uint64 Run(Read&& read) {
    MemoryContext home = CurrentMemoryContext;
    SPI_connect();
    int result = SPI_execute_with_args(text_, count_, types_, values_, nulls_, false, 0);
    if (result < 0) elog(ERROR, "%s: %s", text_, SPI_result_code_string(result));
    uint64 rows = SPI_processed;
    for (uint64 i = 0; SPI_tuptable != nullptr && i < rows; i++) {
      read(home, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
    }
    SPI_finish();
    return rows;
  }
  uint64 Run() {
    return Run([](MemoryContext, HeapTuple, TupleDesc) {});
  }

 private:
  const char* text_;
  int count_ = 0;
  Oid types_[16];
  Datum values_[16];
  char nulls_[16];
};

// Columns of a result, copied to where they are needed.
class Columns {
 public:
  Columns(HeapTuple row, TupleDesc columns) : row_(row), columns_(columns) {}
  Datum Next() { return SPI_getbinval(row_, columns_, ++at_, &is_null_); }
  bool is_null() const { return is_null_; }
  int32 Int4() { return DatumGetInt32(Next()); }
  int64 Int8() { return DatumGetInt64(Next()); }
  bool Bool() { return DatumGetBool(Next()); }
  Oid Table() {
    Datum value = Next();
    return is_null_ ? InvalidOid : DatumGetObjectId(value);
  }
  const char* Text() {
    Datum value = Next();
    return is_null_ ? nullptr : TextDatumGetCString(value);
  }
  ArrayType* Texts() {
    Datum value = Next();
    return is_null_ ? nullptr : DatumGetArrayTypePCopy(value);
  }

 private:
  HeapTuple row_;
  TupleDesc columns_;
  int at_ = 0;
  bool is_null_ = false;
};

void ReadFeed(Columns columns, Feed* feed) {
  *feed = Feed{};
  feed->id = columns.Int4();
  feed->uuid = *DatumGetUUIDP(columns.Next());
  feed->replay = columns.Bool();
  feed->consumer = columns.Int4();
  feed->relation = columns.Table();
  feed->filter = columns.Text();
  feed->order_by = columns.Texts();
  feed->start_at = columns.Texts();
  feed->chunk_rows = columns.Int4();
  feed->rows_per_second = columns.Int4();
  feed->upto_lsn = DatumGetLSN(columns.Next());
  feed->wal_lost = columns.Bool();
}

void ReadProgress(Columns columns, Feed* feed) {
  feed->marked = true;
  feed->complete = columns.Bool();
  feed->low_ord = columns.Int8();
  feed->leaf = columns.Table();
  feed->filenode = columns.Table();
  feed->position = columns.Texts();
  Datum snapshot = columns.Next();
  if (!columns.is_null()) {
    auto* bytes = DatumGetByteaPCopy(snapshot);
    feed->first_snapshot = {VARDATA(bytes), VARSIZE(bytes) - static_cast<size_t>(VARHDRSZ)};
  }
  feed->rows_read = columns.Int8();
  feed->rows_sent = columns.Int8();
  feed->begun = columns.Bool();
  feed->position_of = columns.Text();
}

bool LockFeedRow(int32 id, Feed* feed) {
  return Statement(
             "SELECT id, uuid, kind = 'replay', consumer, relation, filter, order_by, start_at, "
             "chunk_rows, coalesce(rows_per_second, 0), upto_lsn, "
             "EXISTS (SELECT FROM sequin.gap g WHERE g.to_lsn > feed.upto_lsn) "
             "FROM sequin.feed WHERE id = $1 AND state = 'running' FOR UPDATE SKIP LOCKED")
             .Int4(id)
             .Run([&](MemoryContext home, HeapTuple row, TupleDesc columns) {
               InContext(home, [&] { ReadFeed(Columns(row, columns), feed); });
             }) > 0;
}

bool LockConsumerRow(FeedRow* out) {
  return Statement("SELECT * FROM sequin.consumer WHERE id = $1 FOR SHARE SKIP LOCKED")
             .Int4(out->feed.consumer)
             .Run([&](MemoryContext home, HeapTuple row, TupleDesc columns) {
               InContext(home, [&] {
                 out->definition = DefinitionText(columns, row, nullptr);
                 bool is_null;
                 int owner = SPI_fnumber(columns, "owner");
                 out->feed.owner = DatumGetObjectId(SPI_getbinval(row, columns, owner, &is_null));
                 int children = SPI_fnumber(columns, "include_children");
                 out->feed.include_children =
                     DatumGetBool(SPI_getbinval(row, columns, children, &is_null));
               });
             }) > 0;
}

}  // namespace

void ListRunningFeeds(Vec<int32>* ids) {
  Statement("SELECT id FROM sequin.feed WHERE state = 'running' ORDER BY id")
      .Run([&](MemoryContext, HeapTuple row, TupleDesc columns) {
        ids->push(Columns(row, columns).Int4());
      });
}

bool LockFeed(int32 id, FeedRow* out) {
  *out = FeedRow{};
  if (!LockFeedRow(id, &out->feed) || !LockConsumerRow(out)) return false;
  Statement("SELECT xmin, ctid FROM sequin.consumer WHERE id = $1")
      .Int4(out->feed.consumer)
      .Run([&](MemoryContext, HeapTuple row, TupleDesc columns) {
        Columns of(row, columns);
        out->consumer_version = DatumGetTransactionId(of.Next());
        out->consumer_place = *reinterpret_cast<ItemPointer>(DatumGetPointer(of.Next()));
      });
  Statement(
      "SELECT complete, low_ord, leaf, filenode, position, first_snapshot, rows_read, rows_sent, "
      "EXISTS (SELECT FROM sequin.feed WHERE id = $1 AND rows_total IS NOT NULL), position_of FROM "
      "sequin.feed_chunk WHERE feed = $1")
      .Int4(id)
      .Run([&](MemoryContext home, HeapTuple row, TupleDesc columns) {
        InContext(home, [&] { ReadProgress(Columns(row, columns), &out->feed); });
      });
  return true;
}

bool WriteLowMark(int32 id) {
  int32 consumer = 0;
  bool replay = false;
  Statement("SELECT consumer, kind = 'replay' FROM sequin.feed WHERE id = $1 AND state = 'running'")
      .Int4(id)
      .Run([&](MemoryContext, HeapTuple row, TupleDesc columns) {
        Columns of(row, columns);
        consumer = of.Int4();
        replay = of.Bool();
      });
  if (consumer == 0) return false;
  RouteRange range = RouteOf(consumer);
  Statement(
      "INSERT INTO sequin.feed_chunk (feed, consumer, low_ord, held_ord) VALUES ($1, $2, $3, $3) "
      "ON CONFLICT (feed) DO UPDATE SET snapshot = NULL")
      .Int4(id)
      .Int4(consumer)
      .Int8(replay ? range.first : range.end)
      .Run();
  return true;
}

int32 BeginTurn(int32 id) {
  int32 begun = 0;
  Statement(
      "UPDATE sequin.feed SET turns_begun = turns_begun + 1 WHERE id = (SELECT id FROM sequin.feed "
      "WHERE id = $1 AND state = 'running' FOR UPDATE SKIP LOCKED) RETURNING turns_begun")
      .Int4(id)
      .Run([&](MemoryContext, HeapTuple row, TupleDesc columns) {
        begun = Columns(row, columns).Int4();
      });
  return begun;
}

void EndTurn(int32 id) {
  Statement(
      "UPDATE sequin.feed SET turns_begun = 0 WHERE id = (SELECT id FROM sequin.feed WHERE id = $1 "
      "AND turns_begun > 0 FOR UPDATE SKIP LOCKED)")
      .Int4(id)
      .Run();
}

void StoreEstimate(int32 id, int64 rows) {
  Statement("UPDATE sequin.feed SET rows_total = $2 WHERE id = $1").Int4(id).Int8(rows).Run();
}

void StoreChunk(const Feed& feed, const Chunk& chunk) {
  auto texts = [](ArrayType* value) { return PointerGetDatum(value); };
  Statement(
      "UPDATE sequin.feed_chunk SET held_ord = low_ord, low_ord = $2, snapshot = $3, leaf = $4, "
      "filenode = $5, position = $6, first_snapshot = $7, rows_read = $8, rows_sent = $9, "
      "complete = $10, position_of = $11 WHERE feed = $1")
      .Int4(feed.id)
      .Int8(chunk.low_ord)
      .Add(BYTEAOID,
           chunk.snapshot ? PointerGetDatum(SnapshotBytes(chunk.snapshot, false)) : Datum{0},
           chunk.snapshot == nullptr)
      .Table(chunk.leaf)
      .Table(chunk.filenode)
      .Add(TEXTARRAYOID, texts(chunk.position), chunk.position == nullptr)
      .Add(BYTEAOID, ByteaDatum(chunk.first_snapshot), chunk.first_snapshot.empty())
      .Int8(chunk.rows_read)
      .Int8(chunk.rows_sent)
      .Add(BOOLOID, BoolGetDatum(chunk.complete))
      .Text(chunk.position_of)
      .Run();
}

void SetFeedState(int32 id, const char* state, const char* error) {
  Statement(
      "UPDATE sequin.feed SET state = $2, error = $3, changed_at = pg_catalog.clock_timestamp(), "
      "changed_lsn = pg_catalog.pg_current_wal_insert_lsn() WHERE id = $1 AND state = 'running'")
      .Int4(id)
      .Text(state)
      .Text(error)
      .Run();
}

}  // namespace sequin
