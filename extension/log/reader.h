// Readers of the log: the route of one consumer in order, and log rows by position.
//
// Both read the newest committed rows (SnapshotSelf). The capture worker is the only writer and
// appends in order, but commits while we read: a row whose predecessor is missing was committed
// after we passed by, and ends the reading.
#pragma once

#include "change/entry_codec.h"
#include "log/segment_rows.h"
#include "log/segments.h"
#include "pg/index_probe.h"
#include "pg/memory.h"

namespace sequin {

class RouteReader {
 public:
  explicit RouteReader(int32 consumer) : consumer_(consumer) {}

  // The next entry is the one with this ordinal, or the first there is after it.
  void Seek(int64 ord);
  bool Next(Entry* entry);
  void Close();

 private:
  bool OpenSegment(int32 no);
  void CloseSegment();
  bool StartHere(int64 ord);
  bool NextRow();
  bool EnterNextSegment();
  void Decode(TupleTableSlot* slot);

  int32 consumer_;
  int64 wanted_ = 0;  // the next ordinal
  int32 segment_ = 0;
  int64 start_ = 0;  // first ordinal of the segment
  bool located_ = false;
  Relation route_ = nullptr;
  IndexProbe rows_;
  Vec<Entry> entries_;
  size_t at_ = 0;
};

// Ordinals of the route as far as it is there: from `first` to before `end`.
struct RouteRange {
  int64 first;
  int64 end;
};
RouteRange RouteOf(int32 consumer);
// How many entries there are from an ordinal on.
int64 RouteEntriesFrom(int32 consumer, int64 ord);

struct LogRow {
  int64 seq;
  int32 incarnation;
  XLogRecPtr commit_lsn;
  TimestampTz commit_time;
  int64 commit_idx;
  TransactionId xid;
  int32 relation;
  int16 form;
  char action;
  std::string_view key;
  std::string_view group;  // its name, where the row says it
  std::string_view record;
  std::string_view changes;
  std::string_view meta;
};

// The key column of a log row: the key and, behind a line feed, the name of the group.
void SplitKey(std::string_view stored, LogRow* row);

// Rows of the segments, or of log_kept when their segment is gone.
class LogReader {
 public:
  // False: it is not there (any more). The texts are valid until the next call.
  bool Find(int64 seq, LogRow* row);
  // The first row of the segments at or after a position, without its texts; false: there is none.
  // Until the transaction ends its segment cannot be dropped.
  bool FindFrom(int64 seq, LogRow* row);
  // The size of its texts, without reading them; 0: it is not there.
  int64 BytesOf(int64 seq);
  void Close();

 private:
  bool OpenSegmentOf(int64 seq);
  bool OpenSegment(std::span<const Segment> segments, size_t i);
  void CloseSegment();
  TupleTableSlot* FindSlot(int64 seq);
  TupleTableSlot* FindKept(int64 seq);
  TupleTableSlot* Seek(int64 seq);
  TupleTableSlot* SeekFrom(int64 seq);
  TupleTableSlot* Search(int64 seq);
  void Fill(TupleTableSlot* slot, LogRow* row);
  // Rows of log_kept have one column more in front.
  Datum Column(TupleTableSlot* slot, int column) const;

  Relation log_ = nullptr;
  int64 first_seq_ = 0;
  int64 end_seq_ = 0;  // first position of the next segment, as far as is known
  int32 incarnation_ = 0;
  SegmentRows rows_;
  int64 at_ = 0;  // position of the row last read
  bool positioned_ = false;
  Relation kept_ = nullptr;
  IndexProbe kept_rows_;
  bool from_kept_ = false;  // where the row last found is
  MemoryContext texts_ = nullptr;
};

}  // namespace sequin
