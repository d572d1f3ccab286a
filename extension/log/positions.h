// Places of the log by what users know: a position, an LSN, a time. By searching, not by reading: a
// place is found in about as many steps as its distance has bits.
//
// The segments that are looked at cannot be dropped before the transaction ends.
#pragma once

#include "pg/prelude.h"

namespace sequin {

struct LogPlace {
  int64 seq;  // the first row at or after the place; the end of the log when there is none
  // Rows of the log were there before it begins now, and the place is among them.
  bool dropped;
};

LogPlace PlaceOfSeq(int64 seq);
// Of the transactions whose commit_lsn is at least this, in the newest incarnation that has some
// before it: LSNs may repeat after a failover.
LogPlace PlaceOfLsn(XLogRecPtr lsn);
// The first row, in commit order, that committed at or after the time. Commits whose times are in
// another order than they are in the log are told apart up to ten seconds.
LogPlace PlaceOfTime(TimestampTz time);

// The first ordinal of the consumer whose entry is at or after the position.
int64 OrdinalOfSeq(int32 consumer, int64 seq);

struct OldestRow {
  int64 seq;
  XLogRecPtr commit_lsn;
  TimestampTz commit_time;
};
// False: the log is empty.
bool FindOldestRow(OldestRow* row);

}  // namespace sequin
