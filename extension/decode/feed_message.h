// What the feeder (backfill/) says to the capture worker, in logical messages of its transactions.
//
//   prefix  := "sequin.feed"
//   message := FeedPart, padding to 8 bytes, then as part.kind says
//     kTable:   schema and table name, each with its ending 0; they belong to the table number
//               `number` that records of the same transaction carry in their relation
//     kRows:    `number` records as in a Batch (log/batch.h), one after the other
//
// Anybody may write messages with any prefix. They count only in a transaction that has changed
// sequin.feed_chunk before, and nobody but the feeder can do that.
#pragma once

#include "log/batch.h"

namespace sequin {

struct Decoder;
struct TransactionPlace;

inline constexpr char kFeedPrefix[] = "sequin.feed";

enum class FeedPartKind : uint32 { kTable, kRows };

// How rows of a chunk are told from others.
enum class FeedRows : uint32 { kGroupedByKey, kGroupedOtherwise, kWithoutKey };

struct FeedPart {
  FeedPartKind kind;
  int32 number;
  Oid table;      // kTable only
  FeedRows rows;  // kRows only
};

// Columns of sequin.feed_chunk, as far as decoding reads them.
enum FeedChunkColumn : AttrNumber {
  kFeedChunkFeed = 1,
  kFeedChunkConsumer,
  kFeedChunkLowOrd,
  kFeedChunkSnapshot,
};

// sequin.feed_chunk.snapshot: xmin, xmax, then the transactions that were running, ascending, each
// 4 bytes in the order of the machine.
//
// The row of sequin.feed_chunk that a transaction of the feeder wrote: what follows is a chunk.
void TakeFeedChunk(Decoder* decoder, TupleDesc descriptor, HeapTuple row);

// One message of a chunk; returns how many changes it counts as, the first of them `idx`. ERROR
// XX001 when it is damaged.
int64 TakeFeedMessage(Decoder* decoder, const TransactionPlace& place, int64 idx,
                      std::string_view message);

}  // namespace sequin
