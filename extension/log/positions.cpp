// Searching the log (positions.h).
#include "log/positions.h"

#include "log/reader.h"
#include "log/segments.h"

namespace sequin {
namespace {

// Commit times are taken before the order of the commits is decided.
constexpr int64 kDisorderMicros = 10 * USECS_PER_SEC;

// The first of [from, end) that `reached` says yes to, all after it too; `end`: none.
template <typename Reached>
int64 Search(int64 from, int64 end, Reached&& reached) {
  while (from < end) {
    CHECK_FOR_INTERRUPTS();
    int64 middle = from + (end - from) / 2;
    if (reached(middle)) {
      end = middle;
    } else {
      from = middle + 1;
    }
  }
  return from;
}

class Log {
 public:
  Log() {
    LogRow row;
    std::span<const Segment> segments = ReadSegments();
    if (!segments.empty()) {
      begin_ = segments.front().first_seq;
      segment_time_ = segments.front().created_at;
    }
    if (reader_.FindFrom(PG_INT64_MIN, &row)) {
      oldest_ = row;
      begin_ = row.seq;
      any_ = true;
    }
    // Twice as far until there is nothing, then back.
    int64 step = 1;
    while (any_ && reader_.FindFrom(oldest_.seq + step, &row)) step *= 2;
    end_ = any_ ? Search(oldest_.seq, oldest_.seq + step,
                         [&](int64 seq) { return !reader_.FindFrom(seq, &row); })
                : begin_;
  }

  bool any() const { return any_; }
  const LogRow& oldest() const { return oldest_; }
  int64 begin() const { return begin_; }
  int64 end() const { return end_; }
  LogRow At(int64 seq) {
    LogRow row{};
    if (!reader_.FindFrom(seq, &row)) elog(ERROR, "the log ends before " INT64_FORMAT, seq);
    return row;
  }
  // Rows before the present beginning are gone.
  bool Cut() const { return begin_ > 1; }
  // Whether a row before the beginning may be one of those that are asked for. An empty log does
  // not know what the last one was: its segment is younger, and all WAL there is may be older.
  bool CutAt(XLogRecPtr lsn) const {
    return Cut() && lsn < (any_ ? oldest_.commit_lsn : GetFlushRecPtr(nullptr));
  }
  bool CutAt(TimestampTz time) const {
    return Cut() && time < (any_ ? oldest_.commit_time : segment_time_);
  }
  void Close() { reader_.Close(); }

 private:
  LogReader reader_;
  bool any_ = false;
  LogRow oldest_{};
  int64 begin_ = 1;
  TimestampTz segment_time_ = DT_NOBEGIN;
  int64 end_;
};

// The first position of the incarnation that has `seq`.
int64 StartOfIncarnation(Log* log, int64 seq) {
  int32 incarnation = log->At(seq).incarnation;
  return Search(log->oldest().seq, seq,
                [&](int64 at) { return log->At(at).incarnation >= incarnation; });
}

}  // namespace

LogPlace PlaceOfSeq(int64 seq) {
  Log log;
  LogPlace place{Min(Max(seq, log.begin()), log.end()), log.Cut() && seq < log.begin()};
  log.Close();
  return place;
}

LogPlace PlaceOfLsn(XLogRecPtr lsn) {
  Log log;
  LogPlace place{log.begin(), false};
  for (int64 end = log.end(); log.any() && end > log.oldest().seq;) {
    int64 start = StartOfIncarnation(&log, end - 1);
    if (log.At(start).commit_lsn < lsn) {
      place.seq = Search(start, end, [&](int64 at) { return log.At(at).commit_lsn >= lsn; });
      log.Close();
      return place;
    }
    end = start;
  }
  place.dropped = log.CutAt(lsn);
  log.Close();
  return place;
}

LogPlace PlaceOfTime(TimestampTz time) {
  Log log;
  LogPlace place{log.end(), log.CutAt(time)};
  if (log.any()) {
    int64 at = Search(log.oldest().seq, log.end(),
                      [&](int64 seq) { return log.At(seq).commit_time >= time - kDisorderMicros; });
    for (; at < log.end() && log.At(at).commit_time < time; at++) CHECK_FOR_INTERRUPTS();
    place.seq = at;
  }
  log.Close();
  return place;
}

int64 OrdinalOfSeq(int32 consumer, int64 seq) {
  RouteRange range = RouteOf(consumer);
  RouteReader route(consumer);
  int64 ord = Search(range.first, range.end, [&](int64 at) {
    Entry entry;
    route.Seek(at);
    return !route.Next(&entry) || entry.seq >= seq;
  });
  route.Close();
  return ord;
}

bool FindOldestRow(OldestRow* row) {
  Log log;
  if (log.any()) {
    *row = {log.oldest().seq, log.oldest().commit_lsn, log.oldest().commit_time};
  }
  log.Close();
  return log.any();
}

}  // namespace sequin
