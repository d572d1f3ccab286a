// Chunks of the feeder, as they come by in the WAL (feed_message.h).
#include "decode/feed_message.h"

#include "decode/encode.h"
#include "pg/table.h"

namespace sequin {
namespace {

// Numbers of a table: the feeder's, and ours.
struct TableNumbers {
  int32 theirs;
  int32 ours;
};
Vec<TableNumbers> tables;  // of the present transaction; lives for the process

[[noreturn]] void Damaged() {
  ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("a message of the feeder is damaged"));
  pg_unreachable();
}

int32 TableNumber(int32 theirs) {
  if (theirs <= 0) return theirs;  // messages: of nothing, and of streams
  for (const TableNumbers& table : tables) {
    if (table.theirs == theirs) return table.ours;
  }
  Damaged();
}

void TakeTable(Decoder* decoder, const FeedPart& part, std::string_view names) {
  size_t schema_size = strnlen(names.data(), names.size());
  if (schema_size + 1 >= names.size() || names.back() != '\0') Damaged();
  tables.context = TopMemoryContext;
  tables.push({part.number,
               decoder->plans.IdOfName(part.table, names.data(), names.data() + schema_size + 1)});
}

// Where the fixed columns in front of the key are: a log row has no nulls.
char* ColumnAt(TupleDesc descriptor, char* tuple, LogColumn wanted) {
  uint32 offset = 0;
  for (int i = 0; i <= wanted; i++) {
    Form_pg_attribute column = TupleDescAttr(descriptor, i);
    offset = static_cast<uint32>(att_align_nominal(offset, column->attalign));
    if (i < wanted) offset += static_cast<uint32>(column->attlen);
  }
  return tuple + kLogSeqOffset + offset;
}

template <typename Value>
void SetColumn(Decoder* decoder, char* tuple, LogColumn column, Value value) {
  memcpy(ColumnAt(decoder->log_descriptor, tuple, column), &value, sizeof(value));
}

void CheckRecord(const ChangeRecord* record, size_t left) {
  if (left < sizeof(ChangeRecord) || record->bytes > left || record->bytes % MAXIMUM_ALIGNOF != 0) {
    Damaged();
  }
  size_t parts = MAXALIGN(sizeof(ChangeRecord)) + MAXALIGN(record->tuple_bytes) +
                 MAXALIGN(sizeof(Target) * record->target_count) + MAXALIGN(record->letter_bytes) +
                 record->state_bytes;
  if (parts > record->bytes || record->tuple_bytes < kLogSeqOffset) Damaged();
}

void TakeRow(Decoder* decoder, const TransactionPlace& place, int64 idx, FeedRows rows,
             const ChangeRecord* record) {
  ChangeRecord* copy = decoder->batch.AddRecord(record->bytes);
  memcpy(static_cast<void*>(copy), record, record->bytes);
  copy->commit_idx = idx;
  char* tuple = reinterpret_cast<char*>(copy) + MAXALIGN(sizeof(ChangeRecord));
  int32 theirs;
  memcpy(&theirs, ColumnAt(decoder->log_descriptor, tuple, kLogRelation), sizeof(theirs));
  SetColumn(decoder, tuple, kLogRelation, TableNumber(theirs));
  SetColumn(decoder, tuple, kLogCommitLsn, place.commit_lsn);
  SetColumn(decoder, tuple, kLogCommitTime, place.commit_time);
  SetColumn(decoder, tuple, kLogCommitIdx, idx);
  SetColumn(decoder, tuple, kLogXid, place.xid);
  if (copy->target_count == 0) return;
  auto* target = reinterpret_cast<const Target*>(tuple + MAXALIGN(copy->tuple_bytes));
  FeedChunk* chunk = decoder->batch.OpenTransaction().feed;
  chunk->relation = target->relation;
  chunk->by_key = rows == FeedRows::kGroupedByKey;
  if (rows != FeedRows::kWithoutKey) chunk->groups.push(target->group);
}

void TakeRows(Decoder* decoder, const TransactionPlace& place, int64 idx, const FeedPart& part,
              std::string_view records) {
  size_t at = 0;
  for (int32 i = 0; i < part.number; i++, idx++) {
    auto* record = reinterpret_cast<const ChangeRecord*>(records.data() + at);
    CheckRecord(record, records.size() - at);
    at += record->bytes;
    if (idx >= place.first_idx) TakeRow(decoder, place, idx, part.rows, record);
  }
}

}  // namespace

void TakeFeedChunk(Decoder* decoder, TupleDesc descriptor, HeapTuple row) {
  tables.clear();
  bool is_null;
  auto column = [&](FeedChunkColumn number) {
    return heap_getattr(row, number, descriptor, &is_null);
  };
  FeedChunk chunk{};
  chunk.feed = DatumGetInt32(column(kFeedChunkFeed));
  chunk.consumer = DatumGetInt32(column(kFeedChunkConsumer));
  chunk.low_ord = DatumGetInt64(column(kFeedChunkLowOrd));
  Datum snapshot = column(kFeedChunkSnapshot);
  if (is_null) return;  // the feeder has only begun
  std::string_view bytes = TextView(snapshot);
  size_t count = bytes.size() / sizeof(TransactionId);
  if (count < 2) Damaged();
  auto* xids = static_cast<TransactionId*>(palloc(bytes.size()));
  memcpy(xids, bytes.data(), count * sizeof(TransactionId));
  chunk.xmin = xids[0];
  chunk.xmax = xids[1];
  chunk.running = xids + 2;
  chunk.running_count = static_cast<uint32>(count) - 2;
  decoder->batch.SetFeed(chunk);
}

int64 TakeFeedMessage(Decoder* decoder, const TransactionPlace& place, int64 idx,
                      std::string_view message) {
  if (message.size() < MAXALIGN(sizeof(FeedPart))) Damaged();
  FeedPart part;
  memcpy(&part, message.data(), sizeof(part));
  std::string_view content = message.substr(MAXALIGN(sizeof(FeedPart)));
  switch (part.kind) {
    case FeedPartKind::kTable:
      TakeTable(decoder, part, content);
      return 1;
    case FeedPartKind::kRows:
      TakeRows(decoder, place, idx, part, content);
      return part.number;
  }
  Damaged();
}

}  // namespace sequin
