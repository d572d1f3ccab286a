// Looking for newer messages of a key (latest_reader.h).
#include "stream/latest_reader.h"

#include "pg/memory.h"
#include "pg/table.h"
#include "stream/stream_columns.h"

namespace sequin {

bool LatestReader::Superseded(const Entry& entry, LogReader* log) {
  return InContext(context_, [&] { return stream_ != 0 ? InStream(entry) : InTables(entry, log); });
}

void LatestReader::Close() {
  by_key_.Close();
  by_seq_.Close();
  if (table_ != nullptr) CloseOwnTable(table_);
  table_ = nullptr;
}

// What the stream does not hold any more was replaced, or is older than it keeps messages.
bool LatestReader::InStream(const Entry& entry) {
  if (table_ == nullptr) {
    table_ = OpenOwnTable("stream_message", AccessShareLock);
    by_seq_.Open(table_, RelationGetPrimaryKeyIndex(table_), SnapshotSelf, 2);
    by_key_.Open(table_, OwnTableOid("stream_message_key"), SnapshotSelf, 2);
  }
  ScanKeyData keys[2] = {KeyInt4(1, BTEqualStrategyNumber, stream_),
                         KeyInt8(2, BTEqualStrategyNumber, entry.seq)};
  by_seq_.Seek(keys);
  TupleTableSlot* slot = by_seq_.Next();
  if (slot == nullptr) return true;
  Datum key = SlotColumn(slot, stream_message_column::kKey);
  ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_TEXTEQ, key);
  by_key_.Seek(keys);
  slot = by_key_.Next(BackwardScanDirection);
  bool newer =
      slot != nullptr && DatumGetInt64(SlotColumn(slot, stream_message_column::kSeq)) > entry.seq;
  by_key_.Pause();
  by_seq_.Pause();
  return newer;
}

bool LatestReader::InTables(const Entry& entry, LogReader* log) {
  if (table_ == nullptr) {
    table_ = OpenOwnTable("latest", AccessShareLock);
    by_key_.Open(table_, RelationGetPrimaryKeyIndex(table_), SnapshotSelf, 3);
  }
  ScanKeyData keys[] = {KeyInt4(1, BTEqualStrategyNumber, consumer_),
                        KeyInt8(2, BTEqualStrategyNumber, static_cast<int64>(entry.group)),
                        KeyInt8(3, BTGreaterStrategyNumber, entry.seq)};
  by_key_.Seek(keys);
  bool newer = false;
  LogRow row{};
  while (TupleTableSlot* slot = by_key_.Next(BackwardScanDirection)) {
    if (DatumGetObjectId(SlotColumn(slot, latest_column::kRelation)) != entry.relation) continue;
    if (row.seq == 0 && !log->Find(entry.seq, &row)) break;
    newer = TextView(SlotColumn(slot, latest_column::kKey)) == row.key;
    if (newer) break;
  }
  by_key_.Pause();
  return newer;
}

}  // namespace sequin
