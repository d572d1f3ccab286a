// From a decoded change to a record of the batch: who gets it, its texts, its log tuple.
#pragma once

#include "decode/plugin.h"

namespace sequin {

// The transaction being decoded.
struct TransactionPlace {
  TransactionId xid;
  XLogRecPtr commit_lsn;
  TimestampTz commit_time;
  int64 first_idx;  // changes before it are in the log already
};

// Reset after every change.
MemoryContext EncodeContext();

void EncodeChange(Decoder* decoder, RelationPlan* plan, const TransactionPlace& place, int64 idx,
                  ActionMask action, HeapTuple before, HeapTuple after);
void EncodeTruncate(Decoder* decoder, RelationPlan* plan, const TransactionPlace& place, int64 idx);

// A change that cannot be encoded: a dead letter for everyone who listens to the table.
void EncodeFailure(Decoder* decoder, const RelationPlan* plan, const TransactionPlace& place,
                   int64 idx, const char* error);

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
