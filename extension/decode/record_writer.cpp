// Records of the batch (record_writer.h).
#include "decode/record_writer.h"

namespace sequin {

static constexpr int kTextBufferKeepBytes = 1024 * 1024;

// One huge value must not keep its buffer.
void BeginText(StringInfo text) {
  if (text->maxlen > kTextBufferKeepBytes) {
    MemoryContext home = GetMemoryChunkContext(text->data);
    pfree(text->data);
    InContext(home, [&] { initStringInfo(text); });
  }
  text->len = VARHDRSZ;
  text->data[VARHDRSZ] = '\0';
}

void AppendText(StringInfo out, std::string_view text) {
  appendBinaryStringInfo(out, text.data(), static_cast<int>(text.size()));
}

static Datum TextValue(StringInfo text) {
  SET_VARSIZE(text->data, text->len);
  return PointerGetDatum(text->data);
}

RecordWriter* TheRecord() {
  static RecordWriter* writer = nullptr;
  if (writer != nullptr) return writer;
  MemoryContext kept = NewContext(TopMemoryContext, "sequin record");
  writer = New<RecordWriter>(kept);
  InContext(kept, [] {
    for (StringInfo text : {&writer->key, &writer->record, &writer->changes, &writer->meta}) {
      initStringInfo(text);
      BeginText(text);
    }
    initStringInfo(&writer->states);
    InitNotes(&writer->notes);
  });
  writer->targets.context = writer->letters.context = kept;
  return writer;
}

void RecordWriter::Begin() {
  for (StringInfo text : {&record, &changes, &meta}) BeginText(text);
  ClearNotes(&notes);
  targets.clear();
  letters.clear();
  resetStringInfo(&states);
}

void RecordWriter::RequireMessageSize(StringInfo key_text) {
  size_t size = 0;
  for (StringInfo text : {key_text, &record, &changes, &meta}) {
    size += static_cast<size_t>(text->len);
  }
  if (size <= kMessageBytesMax) return;
  ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
          errmsg("the message would have %zu MB, more than the limit of %zu MB", size >> 20,
                 (kMessageBytesMax + 1) >> 20),
          errhint("Lower sequin.max_value_size."));
}

void RecordWriter::Write(Decoder* decoder, const TransactionPlace& place, const RecordHead& head,
                         StringInfo key_text) {
  RequireMessageSize(key_text);
  Datum values[kLogColumns];
  bool nulls[kLogColumns] = {};
  values[kLogSeq] = Int64GetDatum(0);
  values[kLogCommitLsn] = LSNGetDatum(place.commit_lsn);
  values[kLogCommitTime] = TimestampTzGetDatum(place.commit_time);
  values[kLogCommitIdx] = Int64GetDatum(head.idx);
  values[kLogXid] = TransactionIdGetDatum(place.xid);
  values[kLogRelation] = Int32GetDatum(head.relation);
  values[kLogForm] = Int16GetDatum(static_cast<int16>(head.form));
  values[kLogAction] = CharGetDatum(head.action);
  values[kLogKey] = TextValue(key_text);
  values[kLogRecord] = TextValue(&record);
  values[kLogChanges] = TextValue(&changes);
  values[kLogMeta] = TextValue(&meta);

  TupleDesc descriptor = decoder->log_descriptor;
  Size data_bytes = heap_compute_data_size(descriptor, values, nulls);
  size_t tuple_bytes = kLogSeqOffset + data_bytes;
  size_t target_bytes = sizeof(Target) * targets.count;
  size_t tuple_at = MAXALIGN(sizeof(ChangeRecord));
  size_t targets_at = tuple_at + MAXALIGN(tuple_bytes);
  size_t letters_at = targets_at + MAXALIGN(target_bytes);
  size_t states_at = letters_at + MAXALIGN(letters.count);
  auto state_bytes = static_cast<size_t>(states.len);

  ChangeRecord* made = decoder->batch.AddRecord(states_at + state_bytes);
  made->tuple_bytes = static_cast<uint32>(tuple_bytes);
  made->target_count = static_cast<uint32>(targets.count);
  made->letter_bytes = static_cast<uint32>(letters.count);
  made->state_bytes = static_cast<uint32>(state_bytes);
  made->commit_idx = head.idx;

  char* base = reinterpret_cast<char*>(made);
  auto* header = reinterpret_cast<HeapTupleHeader>(base + tuple_at);
  memset(base + tuple_at, 0, tuple_bytes);  // heap_fill_tuple expects zeroed padding
  header->t_hoff = kLogSeqOffset;
  HeapTupleHeaderSetNatts(header, kLogColumns);
  heap_fill_tuple(descriptor, values, nulls, base + tuple_at + kLogSeqOffset, data_bytes,
                  &header->t_infomask, nullptr);
  memcpy(base + targets_at, targets.data, target_bytes);
  memcpy(base + letters_at, letters.data, letters.count);
  memcpy(base + states_at, states.data, state_bytes);
}

void RecordWriter::AddState(StateKind kind, int32 owner, Oid relation, uint64 hash, size_t bytes,
                            std::string_view key_text) {
  StateRow row{};
  row.hash = hash;
  row.owner = owner;
  row.kind = kind;
  row.relation = relation;
  row.bytes = static_cast<uint32>(bytes);
  row.key_bytes = static_cast<uint32>(key_text.size());
  appendBinaryStringInfo(&states, reinterpret_cast<const char*>(&row), sizeof(row));
  appendBinaryStringInfo(&states, key_text.data(), static_cast<int>(key_text.size()));
  appendStringInfoSpaces(&states, static_cast<int>(MAXALIGN(states.len)) - states.len);
}

void RecordWriter::AddLetter(int32 consumer, const char* error) {
  size_t size = strlen(error);
  Letter letter{consumer, static_cast<uint32>(size)};
  auto* bytes = reinterpret_cast<const char*>(&letter);
  for (size_t i = 0; i < sizeof(letter); i++) letters.push(bytes[i]);
  for (size_t i = 0; i < size; i++) letters.push(error[i]);
}

}  // namespace sequin
