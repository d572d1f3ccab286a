// A backfill or replay as the feeder works on it: one turn is one chunk, one transaction.
#pragma once

#include "decode/feed_message.h"
#include "decode/plugin.h"

namespace sequin {

enum class FeedState { kRunning, kPaused, kDone, kCancelled, kFailed };

// Read anew for every turn, under row locks: neither the feed nor its consumer changes before the
// chunk is committed, so that the definition it was made with is the one in force where it stands
// in the log.
struct Feed {
  int32 id;
  bool replay;
  pg_uuid_t uuid;
  int32 consumer;
  Oid owner;  // of the consumer
  bool include_children;
  Oid relation;
  const char* filter;   // nullptr: none
  ArrayType* order_by;  // nullptr: by the key
  ArrayType* start_at;
  int32 chunk_rows;
  int32 rows_per_second;  // 0: no limit
  XLogRecPtr upto_lsn;
  bool wal_lost;  // since it was asked for: perhaps with some of its chunks
  // sequin.feed_chunk
  bool marked;  // it has a row there: the route is kept
  bool begun;
  bool complete;
  int64 low_ord;
  Oid leaf;
  Oid filenode;
  ArrayType* position;      // nullptr: at the beginning
  const char* position_of;  // Order::identity; nullptr: not known
  std::string_view first_snapshot;
  int64 rows_read;
  int64 rows_sent;
};

// What a turn found out; written with its rows.
struct Chunk {
  FeedRows rows;
  int32 table;  // number of the table that the rows of a backfill belong to; 0: no rows
  int64 low_ord;
  Snapshot snapshot;
  Oid leaf;
  Oid filenode;
  ArrayType* position;
  const char* position_of;
  std::string_view first_snapshot;
  int64 rows_read;
  int64 rows_sent;
  bool complete;
};

// The transactions of a snapshot as sequin.feed_chunk stores them (decode/feed_message.h);
// `with_children`: those of subtransactions, too, which an overflowed snapshot does not have.
bytea* SnapshotBytes(Snapshot snapshot, bool with_children);

// Reads the next rows of a backfill into the decoder's batch; `careful`: an error of one row costs
// only that row. False: it has to be tried again later.
bool ReadChunk(const Feed& feed, Decoder* decoder, bool careful, Chunk* chunk);

// The same for a replay; `tables`: names of the tables that its rows belong to, by the numbers that
// the rows have already.
void ReplayChunk(const Feed& feed, Decoder* decoder, Vec<RelationName>* tables, Chunk* chunk);

// Rows that a backfill will read, as the catalogs estimate them; −1: unknown.
int64 EstimateRows(const Feed& feed);

// Runs `body` with the rights of the owner of a consumer, without writing, for a limited time.
// What it raises is raised.
void RunAsOwner(Oid owner, void (*body)(void*), void* argument);

template <typename Body>
void AsConsumerOwner(Oid owner, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  RunAsOwner(
      owner, [](void* arg) { (*static_cast<Plain*>(arg))(); }, &body);
}

}  // namespace sequin
