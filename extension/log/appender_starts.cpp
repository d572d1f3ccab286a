// Appending to the log: new consumers of streams, which get what the stream holds (appender.h).
//
// A stream may hold millions of messages, so that a consumer gets them in parts, between the other
// work. Meanwhile new messages of the stream do not go into its route directly: they are in the
// stream's state, behind the others. The part that finds nothing more is in one transaction with
// the end of the start, so that none is left out and none comes twice.
#include "capture/settings.h"
#include "decode/routing.h"
#include "log/appender.h"
#include "pg/table.h"
#include "pg/transaction.h"
#include "stream/key_pattern.h"
#include "stream/stream_columns.h"
#include "stream/stream_names.h"

namespace sequin {

static void Execute(const char* command, std::span<const Oid> types, std::span<Datum> values) {
  SPI_connect();
  int result =
      SPI_execute_with_args(command, static_cast<int>(types.size()), const_cast<Oid*>(types.data()),
                            values.data(), nullptr, false, 0);
  if (result < 0) elog(ERROR, "%s: %s", command, SPI_result_code_string(result));
  SPI_finish();
}

Appender::StreamStart* Appender::StartOf(int32 consumer) {
  for (StreamStart& start : starts_) {
    if (start.consumer == consumer) return &start;
  }
  return nullptr;
}

void Appender::ForgetStart(int32 consumer) {
  size_t kept = 0;
  for (const StreamStart& start : starts_) {
    if (start.consumer == consumer) {
      pfree(start.key_pattern);
    } else {
      starts_[kept++] = start;
    }
  }
  starts_.count = kept;
}

// A dropped consumer leaves nothing behind.
void Appender::ForgetKeys(int32 consumer) {
  key_state_.Flush();
  ForgetStart(consumer);
  Oid types[] = {INT4OID};
  Datum values[] = {Int32GetDatum(consumer)};
  Execute("DELETE FROM sequin.stream_start WHERE consumer = $1", types, values);
  Execute("DELETE FROM sequin.latest WHERE consumer = $1", types, values);
}

void Appender::LoadStarts() {
  Relation table = OpenOwnTable("stream_start", AccessShareLock);
  ScanPrimaryKey(table, GetActiveSnapshot(), {}, Direction::kForward, [&](HeapTuple tuple) {
    bool ended, is_null;
    ColumnOf(table, tuple, stream_start_column::kEndOrd, &ended);
    ended = !ended;
    int32 consumer =
        DatumGetInt32(ColumnOf(table, tuple, stream_start_column::kConsumer, &is_null));
    ConsumerRoute* route = RouteOf(consumer);
    if (ended || route == nullptr) return true;
    route->starting = true;
    StreamStart start{};
    start.consumer = consumer;
    start.stream = DatumGetInt32(ColumnOf(table, tuple, stream_start_column::kStream, &is_null));
    start.seq = DatumGetInt64(ColumnOf(table, tuple, stream_start_column::kSeq, &is_null));
    std::string_view pattern =
        TextView(ColumnOf(table, tuple, stream_start_column::kKeyPattern, &is_null));
    InContext(context_, [&] { start.key_pattern = pnstrdup(pattern.data(), pattern.size()); });
    starts_.push(start);
    return true;
  });
  CloseOwnTable(table);
}

// A definition of a consumer of a stream came into force.
void Appender::ApplySource(int32 consumer, const char* definition, bool created) {
  StreamSource source = StreamSourceOf(definition);
  if (source.stream == 0) return;
  StreamStart* start = StartOf(consumer);
  if (start == nullptr && !created) return;
  Oid types[] = {INT4OID, INT4OID, TEXTOID};
  Datum values[] = {Int32GetDatum(consumer), Int32GetDatum(source.stream),
                    CStringGetTextDatum(source.key_pattern)};
  char* pattern = MemoryContextStrdup(context_, source.key_pattern);
  if (start != nullptr) {
    pfree(start->key_pattern);
    start->key_pattern = pattern;
    Execute("UPDATE sequin.stream_start SET stream = $2, key_pattern = $3 WHERE consumer = $1",
            types, values);
    return;
  }
  Execute(
      "INSERT INTO sequin.stream_start (consumer, stream, seq, key_pattern) VALUES ($1, $2, 0, $3)",
      types, values);
  RouteOf(consumer)->starting = true;
  starts_.push({consumer, source.stream, 0, pattern});
  key_state_.Flush();
  Advance(&starts_.back());
}

// One part. Whoever calls it writes the routes and commits.
void Appender::Advance(StreamStart* start) {
  ConsumerRoute* route = RouteOf(start->consumer);
  Relation table = OpenOwnTable("stream_message", AccessShareLock);
  ScanKeyData keys[] = {
      KeyInt4(stream_message_column::kStream, BTEqualStrategyNumber, start->stream),
      KeyInt8(stream_message_column::kSeq, BTGreaterStrategyNumber, start->seq)};
  int looked = 0;
  bool end = true;
  ScanPrimaryKey(table, SnapshotSelf, keys, Direction::kForward, [&](HeapTuple tuple) {
    if (looked++ == BatchRows()) {
      end = false;
      return false;
    }
    bool is_null;
    start->seq = DatumGetInt64(ColumnOf(table, tuple, stream_message_column::kSeq, &is_null));
    std::string_view key = TextView(ColumnOf(table, tuple, stream_message_column::kKey, &is_null));
    if (!KeyMatches(start->key_pattern, key)) return true;
    Target target{};
    target.consumer = start->consumer;
    target.group = StreamGroupHash(start->stream, key);
    AddEntry(route, target, start->seq);
    return true;
  });
  CloseOwnTable(table);
  Oid types[] = {INT4OID, INT8OID, INT8OID};
  Datum values[] = {Int32GetDatum(start->consumer), Int64GetDatum(start->seq),
                    Int64GetDatum(end ? route->next_ord : -1)};
  Execute("UPDATE sequin.stream_start SET seq = $2, end_ord = nullif($3, -1) WHERE consumer = $1",
          types, values);
  if (!end) return;
  route->starting = false;
  ForgetStart(start->consumer);
}

void Appender::AdvanceStarts() {
  RotateIfDue();
  replorigin_session_origin = DoNotReplicateId;
  InTransaction([&] {
    OpenSegment();
    Advance(&starts_[0]);
    FlushRoutes();
    CloseSegment();
  });
  replorigin_session_origin = InvalidRepOriginId;
  WakeDirty();
  MemoryContextReset(slice_);
}

}  // namespace sequin
