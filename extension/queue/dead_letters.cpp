// Writing dead letters (dead_letters.h).
#include "queue/dead_letters.h"

#include "pg/memory.h"
#include "pg/table.h"
#include "queue/message_row.h"

namespace sequin {

enum {
  kId,
  kConsumer,
  kOrd,
  kSeq,
  kDeadAt,
  kReason,
  kAttempts,
  kLastError,
  kGroupKey,
  kMessage,
  kEntry,
  kIncarnation,
  kCommitLsn,
  kCommitTime,
  kCommitIdx,
  kRelation,
  kForm,
  kAction,
  kKey,
  kRecord,
  kChanges,
  kMeta,
  kCount
};

static int64 NextId() {
  return nextval_internal(OwnTableOid("dead_letter_id_seq"), false);
}

// The log row again, as log_kept has it.
static void SetSource(const LogRow& row, std::string_view relation, Datum* values) {
  StringInfoData key;
  initStringInfo(&key);
  appendBinaryStringInfo(&key, row.key.data(), static_cast<int>(row.key.size()));
  if (!row.group.empty()) {
    appendStringInfoChar(&key, '\n');
    appendBinaryStringInfo(&key, row.group.data(), static_cast<int>(row.group.size()));
  }
  values[kIncarnation] = Int32GetDatum(row.incarnation);
  values[kCommitLsn] = LSNGetDatum(row.commit_lsn);
  values[kCommitTime] = TimestampTzGetDatum(row.commit_time);
  values[kCommitIdx] = Int64GetDatum(row.commit_idx);
  values[kRelation] = TextDatum(relation);
  values[kForm] = Int16GetDatum(row.form);
  values[kAction] = CharGetDatum(row.action);
  values[kKey] = TextDatum({key.data, static_cast<size_t>(key.len)});
  values[kRecord] = TextDatum(row.record);
  values[kChanges] = TextDatum(row.changes);
  values[kMeta] = TextDatum(row.meta);
}

static Datum EncodedEntry(const Entry& entry) {
  char bytes[kEntryBytesMax];
  EntryWriter writer(0);
  return ByteaDatum({bytes, writer.Write(entry, bytes)});
}

void DeadLetterWriter::Write(const Entry& entry, const char* reason, std::string_view error,
                             const LogRow* row, EnvelopeWriter* envelopes, MessageRows* rows) {
  Datum values[kCount] = {};
  bool nulls[kCount] = {};
  values[kId] = Int64GetDatum(NextId());
  values[kConsumer] = Int32GetDatum(consumer_->id);
  values[kOrd] = Int64GetDatum(entry.ord);
  values[kSeq] = Int64GetDatum(entry.seq);
  values[kDeadAt] = TimestampTzGetDatum(GetCurrentTimestamp());
  values[kReason] = TextDatum(reason);
  values[kAttempts] = Int32GetDatum(entry.attempts);
  nulls[kLastError] = error.data() == nullptr;
  if (!nulls[kLastError]) values[kLastError] = TextDatum(error);
  std::string_view group_key = row ? envelopes->GroupKey(*row) : std::string_view();
  nulls[kGroupKey] = group_key.empty();
  if (!group_key.empty()) values[kGroupKey] = TextDatum(group_key);
  for (int column = kMessage; column < kCount; column++) nulls[column] = row == nullptr;
  if (row) {
    // The message is what the consumer would have got; what can be put back is the row of the log.
    LogRow shown = *row;
    if (rows != nullptr) rows->Finish(entry, &shown);
    StringInfoData message;
    initStringInfo(&message);
    envelopes->Write(shown, &message);
    values[kMessage] = TextDatum({message.data, static_cast<size_t>(message.len)});
    SetSource(*row, envelopes->RelationOf(row->relation), values);
  }
  nulls[kEntry] = entry.ord == kNotInRoute;
  if (!nulls[kEntry]) values[kEntry] = EncodedEntry(entry);
  table_.Insert(values, nulls, true);
}

void DeadLetterWriter::Open() {
  table_.Open("dead_letter");
}

void DeadLetterWriter::Close() {
  table_.Close();
}

static const char* ReasonOf(DeathCause cause) {
  switch (cause) {
    case DeathCause::kExhausted:
      return "attempts_exhausted";
    case DeathCause::kRejected:
      return "rejected";
    default:
      return "filter_error";
  }
}

void WriteDeadLetters(const Consumer* consumer, ClaimEngine* engine) {
  if (engine->dead().empty()) return;
  DeadLetterWriter writer(consumer);
  EnvelopeWriter envelopes(consumer);
  MessageRows rows(consumer);
  LogReader log;
  writer.Open();
  // There may be thousands, each with megabytes.
  MemoryContext each = NewContext(CurrentMemoryContext, "sequin dead letter");
  for (const DeadEntry& dead : engine->dead()) {
    LogRow row;
    bool found = log.Find(dead.entry.seq, &row);
    InContext(each, [&] {
      writer.Write(dead.entry, ReasonOf(dead.cause), dead.error, found ? &row : nullptr, &envelopes,
                   &rows);
    });
    MemoryContextReset(each);
    CHECK_FOR_INTERRUPTS();
  }
  MemoryContextDelete(each);
  log.Close();
  writer.Close();
}

}  // namespace sequin
