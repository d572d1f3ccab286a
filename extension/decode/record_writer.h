// The record of the batch that is being written: its texts, those who get it, and its log tuple.
#pragma once

#include "change/value_text.h"
#include "decode/encode.h"
#include "decode/row.h"

namespace sequin {

// Texts of log columns: with room for a varlena header in front.
void BeginText(StringInfo text);  // made by initStringInfo
void AppendText(StringInfo out, std::string_view text);

inline std::string_view Text(const StringInfoData& text) {
  return {text.data + VARHDRSZ, static_cast<size_t>(text.len - VARHDRSZ)};
}

// Left for keys and metadata in a message whose other columns take all they can.
inline constexpr size_t kMetaBytesMax = 16 * 1024 * 1024;
inline constexpr size_t kRowBytesMax = kMessageBytesMax - kMetaBytesMax;

struct RecordHead {
  int64 idx;
  char action;
  int32 relation;  // sequin.relation.id; 0: none
  int form;
};

// Buffers that are used again for every record.
struct RecordWriter {
  StringInfoData key, record, changes, meta;
  RowNotes notes;
  Vec<Target> targets;
  Vec<char> letters;
  StringInfoData states;  // StateRow…

  // Empties all but the key, which several records of one change share.
  void Begin();
  void AddState(StateKind kind, int32 owner, Oid relation, uint64 hash, size_t bytes,
                std::string_view key);
  void AddLetter(int32 consumer, const char* error);
  // Adds the record to the batch. `key_text` is `key`, or another one in its place.
  void Write(Decoder* decoder, const TransactionPlace& place, const RecordHead& head,
             StringInfo key_text);

 private:
  void RequireMessageSize(StringInfo key_text);
};

// There is one, for the life of the process.
RecordWriter* TheRecord();

}  // namespace sequin
