// From a decoded change to a record of the batch: who gets it, its texts, its log tuple.
#pragma once

#include "decode/plugin.h"
#include "stream/publish_message.h"

namespace sequin {

struct LogRow;

// The transaction being decoded.
struct TransactionPlace {
  TransactionId xid;
  XLogRecPtr commit_lsn;
  TimestampTz commit_time;
  int64 first_idx;               // changes before it are in the log already
  std::string_view annotations;  // `,"transaction_annotations":…` or nothing
  std::string_view more_meta;    // further members of metadata, each with a comma in front
};

// The group of a key (`["1","a"]`) of a table, as published.
uint64 GroupHash(Oid relation, std::string_view key);

// Reset after every change.
MemoryContext EncodeContext();

void EncodeChange(Decoder* decoder, RelationPlan* plan, const TransactionPlace& place, int64 idx,
                  ActionMask action, HeapTuple before, HeapTuple after);

struct Truncation {
  bool cascade;
  bool restart_identity;
  bool with_root;  // a table above is emptied by the same statement, and says so
};
void EncodeTruncate(Decoder* decoder, const RelationPlan* plan, const TransactionPlace& place,
                    int64 idx, const Truncation& truncation);

// A message of pg_logical_emit_message, for the consumers that ask for its prefix.
void EncodeMessage(Decoder* decoder, const TransactionPlace& place, int64 idx,
                   std::string_view prefix, std::string_view content);

// A message of sequin.publish(): for the state of its stream, and for whoever listens to its key.
void EncodePublish(Decoder* decoder, const PublishMessage& message, const TransactionPlace& place,
                   int64 idx);

// A row of the log once more, with more_meta of the place.
void EncodeCopy(Decoder* decoder, const TransactionPlace& place, int64 idx, const LogRow& row,
                const Target& target);

// A change that cannot be encoded: a dead letter for everyone who would get it.
void EncodeFailure(Decoder* decoder, const RelationPlan* plan, const TransactionPlace& place,
                   int64 idx, ActionMask action, const char* error);
void EncodeMessageFailure(Decoder* decoder, const TransactionPlace& place, int64 idx,
                          std::string_view prefix, const char* error);
void EncodePublishFailure(Decoder* decoder, const PublishMessage& message,
                          const TransactionPlace& place, int64 idx, const char* error);

// Columns of sequin.log_0, in their order.
enum LogColumn {
  kLogSeq,
  kLogCommitLsn,
  kLogCommitTime,
  kLogCommitIdx,
  kLogXid,
  kLogRelation,
  kLogForm,
  kLogAction,
  kLogKey,
  kLogRecord,
  kLogChanges,
  kLogMeta,
  kLogColumns
};
// A log row has no nulls: seq is the first datum behind the header.
inline constexpr size_t kLogSeqOffset = MAXALIGN(SizeofHeapTupleHeader);

}  // namespace sequin
