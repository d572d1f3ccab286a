// SQL functions stream_records and stream_record (api/streams.sql): what a stream holds.
#include "log/reader.h"
#include "pg/table.h"
#include "queue/arguments.h"
#include "stream/key_pattern.h"
#include "stream/stream.h"
#include "stream/stream_columns.h"

namespace sequin {
namespace {

constexpr int32 kLimitMax = 10000;

struct StreamRow {
  int64 seq;
  TimestampTz first_time;
  TimestampTz time;
  std::string_view key;
};

StreamRow ReadRow(TupleTableSlot* slot) {
  return {DatumGetInt64(SlotColumn(slot, stream_message_column::kSeq)),
          DatumGetTimestampTz(SlotColumn(slot, stream_message_column::kFirstTime)),
          DatumGetTimestampTz(SlotColumn(slot, stream_message_column::kTime)),
          TextView(SlotColumn(slot, stream_message_column::kKey))};
}

// Rows of the answer, each with its message from the log.
class Answer {
 public:
  explicit Answer(FunctionCallInfo call) {
    InitMaterializedSRF(call, 0);
    result_ = reinterpret_cast<ReturnSetInfo*>(call->resultinfo);
  }
  // False: it was replaced at this moment.
  bool Add(const StreamRow& row) {
    LogRow message;
    // What the reader opens now must outlast the row.
    if (!InContext(home_, [&] { return log_.Find(row.seq, &message); })) return false;
    Datum values[5] = {TextDatum(row.key), Int64GetDatum(row.seq), TextDatum(message.record),
                       TimestampTzGetDatum(row.first_time), TimestampTzGetDatum(row.time)};
    bool nulls[5] = {};
    tuplestore_putvalues(result_->setResult, result_->setDesc, values, nulls);
    return true;
  }
  void Close() { log_.Close(); }

 private:
  MemoryContext home_ = CurrentMemoryContext;
  ReturnSetInfo* result_;
  LogReader log_;
};

// The newest committed rows: what is older may be gone from the log.
template <typename Visit>
void ScanMessages(const char* index, std::span<ScanKeyData> keys, ScanDirection direction,
                  Visit&& visit) {
  Relation table = OpenOwnTable("stream_message", AccessShareLock);
  IndexProbe rows;
  rows.Open(table, index ? OwnTableOid(index) : RelationGetPrimaryKeyIndex(table), SnapshotSelf,
            static_cast<int>(keys.size()));
  rows.Seek(keys);
  MemoryContext each = NewContext(CurrentMemoryContext, "sequin stream row");
  while (TupleTableSlot* slot = rows.Next(direction)) {
    CHECK_FOR_INTERRUPTS();
    bool more = InContext(each, [&] { return visit(ReadRow(slot)); });
    MemoryContextReset(each);
    if (!more) break;
  }
  rows.Close();
  CloseOwnTable(table, AccessShareLock);
}

bool Ascending(std::string_view sort) {
  if (sort == "seq_asc") return true;
  if (sort == "seq_desc") return false;
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("\"%.*s\" is not a value of sort", static_cast<int>(sort.size()), sort.data()),
          errhint("It can be one of: seq_asc, seq_desc."));
}

std::string_view PatternArgument(FunctionCallInfo call, int number) {
  std::string_view pattern = TextArgument(call, number, "key_pattern");
  if (CheckKeyPattern(pattern) == KeyProblem::kNone) return pattern;
  ereport(
      ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
      errmsg("\"%.*s\" is not a pattern of keys", static_cast<int>(pattern.size()), pattern.data()),
      errhint("A pattern is like orders.*.created or orders.>."));
}

void StreamRecords(FunctionCallInfo call) {
  Stream stream = FindStream(TextArgument(call, 0, "stream"), StreamUse::kRead);
  std::string_view pattern = PatternArgument(call, 1);
  bool ascending = Ascending(TextArgument(call, 2, "sort"));
  RequireArgument(call, 3, "limit");
  int32 left = DatumGetInt32(call->args[3].value);
  if (left < 1 || left > kLimitMax) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("limit must be from 1 to %d", kLimitMax));
  }
  Answer answer(call);
  ScanKeyData key = KeyInt4(1, BTEqualStrategyNumber, stream.id);
  ScanMessages(nullptr, {&key, 1}, ascending ? ForwardScanDirection : BackwardScanDirection,
               [&](const StreamRow& row) {
                 if (KeyMatches(pattern, row.key) && answer.Add(row)) left--;
                 return left > 0;
               });
  answer.Close();
}

void StreamRecord(FunctionCallInfo call) {
  Stream stream = FindStream(TextArgument(call, 0, "stream"), StreamUse::kRead);
  ScanKeyData keys[2] = {KeyInt4(1, BTEqualStrategyNumber, stream.id)};
  ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_TEXTEQ,
              TextDatum(TextArgument(call, 1, "key")));
  Answer answer(call);
  ScanMessages("stream_message_key", keys, BackwardScanDirection,
               [&](const StreamRow& row) { return !answer.Add(row); });
  answer.Close();
}

}  // namespace
}  // namespace sequin

extern "C" {

PG_FUNCTION_INFO_V1(sequin_stream_records);
Datum sequin_stream_records(PG_FUNCTION_ARGS) {
  sequin::StreamRecords(fcinfo);
  return Datum{0};
}

PG_FUNCTION_INFO_V1(sequin_stream_record);
Datum sequin_stream_record(PG_FUNCTION_ARGS) {
  sequin::StreamRecord(fcinfo);
  return Datum{0};
}

}  // extern "C"
