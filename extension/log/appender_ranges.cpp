// Appending to the log: the ranges of the open segment (log_indexes.h).
//
// To describe a range is to read all its rows, a twentieth of what capture costs. Nothing of ours
// asks the ranges: while there are changes to be captured they can wait, at the longest for the end
// of the segment. After a restart all of a segment's are looked at again.
#include "log/appender.h"
#include "pg/transaction.h"

namespace sequin {

static constexpr BlockNumber kRangesAtOnce = 16;

bool Appender::RangesDue() const {
  return range_pages_ > 0 && last_block_ / range_pages_ > described_ranges_;
}

void Appender::DescribeRanges() {
  replorigin_session_origin = DoNotReplicateId;
  InTransaction([&] {
    OpenSegment();
    range_pages_ = LogRangePages(log_indexes_);
    described_ranges_ = DescribeLogRanges(log_, described_ranges_, kRangesAtOnce);
    CloseSegment();
  });
  replorigin_session_origin = InvalidRepOriginId;
}

// Of a segment that is full.
void Appender::DescribeRest() {
  if (segment_no_ == 0 || range_pages_ == 0) return;
  Relation log = table_open(log_oid_, RowExclusiveLock);
  DescribeLogRanges(log, described_ranges_, MaxBlockNumber);
  table_close(log, NoLock);
}

}  // namespace sequin
