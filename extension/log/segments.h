// Segments of log and route, for readers: which table holds what. Segments are opened by OID and
// may be dropped at any time by retention: whoever opens one must cope with its absence.
#pragma once

#include "pg/prelude.h"

namespace sequin {

struct Segment {
  int32 no;
  Oid log;
  Oid route;
  int32 incarnation;
  int64 first_seq;
  TimestampTz created_at;
};

struct SegmentStart {
  int32 segment;
  int64 ord;
};

// All committed segments, oldest first; kept by the backend until there is a newer one. Valid until
// the next call.
std::span<const Segment> ReadSegments();
// Reads them anew: one of those known is gone.
void ForgetSegments();

// nullptr: not known (any more).
const Segment* FindSegment(int32 no);

// Where the route of a consumer begins in the segment that holds the ordinal: the last one that
// begins at or before it, else the first there is. False: the consumer has none.
bool FindSegmentStart(int32 consumer, int64 ord, SegmentStart* start);
// The first one after that segment.
bool NextSegmentStart(int32 consumer, int32 segment, SegmentStart* start);

}  // namespace sequin
