// The tables of the feeder: sequin.feed, what is asked for, and sequin.feed_chunk, how far it is.
// In transactions of the caller, with an active snapshot.
#pragma once

#include "backfill/feed.h"

namespace sequin {

struct FeedRow {
  Feed feed;
  const char* definition;  // of the consumer (decode/routing.h)
  TransactionId consumer_version;
  ItemPointerData consumer_place;
};

void ListRunningFeeds(Vec<int32>* ids);

// Locks a running feed and its consumer until the transaction ends. False: it does not run any
// more, or somebody else has one of them locked.
bool LockFeed(int32 id, FeedRow* row);

// The route of its consumer is kept: from here on for a backfill, all that there is for a replay.
// False: it is not running.
bool WriteLowMark(int32 id);
// A turn of this feed begins; returns how many have begun since one came to its end. 0: it does not
// run, or somebody else has it locked.
int32 BeginTurn(int32 id);
void EndTurn(int32 id);
void StoreEstimate(int32 id, int64 rows);
void StoreChunk(const Feed& feed, const Chunk& chunk);
void SetFeedState(int32 id, const char* state, const char* error);

}  // namespace sequin
