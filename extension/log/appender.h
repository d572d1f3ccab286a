// Appending to the log: takes decoded transactions from a Batch and writes them, with their routes
// and the progress, in ordinary transactions of the capture worker.
//
// Invariants
//  1. Log rows, route rows, definitions and progress of a slice are one transaction: capture is
//     exactly once although logical decoding may hand out a transaction again.
//  2. Only transactions that every new snapshot sees are written: a change is visible before its
//     message is.
//  3. seq and the ordinals have no gaps: this process is the only writer, an abort ends it.
#pragma once

#include "change/entry_codec.h"
#include "log/batch.h"
#include "log/feed_window.h"
#include "log/log_indexes.h"
#include "pg/table.h"
#include "stream/key_state.h"

namespace sequin {

class RelationPlans;
class Routing;

struct Progress {
  int32 incarnation;
  XLogRecPtr lsn;       // every transaction that ends here or before is in the log
  XLogRecPtr part_lsn;  // see sequin.progress
  int64 part_idx;
  int64 next_seq;
  XLogRecPtr confirm_limit;
  TimeLineID timeline;
  uint64 oldest_xid;  // of those that commit behind `lsn`; 0: not known
  bool stopped;
};

// WAL that was not captured, and cannot be any more.
struct Gap {
  XLogRecPtr from;
  XLogRecPtr to;
  int64 transactions;  // that committed in it, at most; -1: not known
  const char* reason;
};

// What a consumer was declared to be, as of the end of a gap.
struct PresentDefinition {
  int32 consumer;
  const char* definition;
};

class Appender {
 public:
  static constexpr size_t kSliceBytesMax = 16 * 1024 * 1024;

  void Init(MemoryContext parent);

  // First start: writes the progress row. Later: reads it. In a transaction of the caller.
  bool LoadProgress();
  void CreateProgress(const char* slot, XLogRecPtr start);
  // A new timeline, system or place: ids of messages must not repeat although LSNs may.
  void BeginIncarnation();
  // The consumers that are at home in the place the progress was written in come along to this one.
  // Those that somebody has locked are left; false: there were some.
  bool BringConsumers();
  bool SameTimeline() const;
  bool SamePlace() const { return same_place_; }

  // appender_recovery.cpp: going on behind a gap, in this order.
  // A slot that is found anywhere from now on is known to be a new one. A transaction of its own.
  void ExpectNewSlot();
  bool ExpectsNewSlot() const { return expects_new_slot_; }
  // The log ends at gap.from and goes on at gap.to, in a new incarnation. Nothing is declared when
  // nothing was committed in between. `definitions` are those at its end, nullptr: as before it.
  // A transaction of its own, after LoadRoutes and LoadStarts and before LoadDefinitions.
  void PassGap(const Gap& gap, const Vec<PresentDefinition>* definitions);
  void Resume();  // it is not stopped any more
  void LoadRoutes();
  void LoadDefinitions(Routing* routing);
  void LoadNames(RelationPlans* plans);
  void LoadStarts();

  // Writes the leading transactions that are visible; returns how many are left because they are
  // not visible yet.
  size_t WriteVisible(Batch* batch);
  // Begins a new segment when the last one is full; otherwise the next slice does.
  void RotateIfDue();
  // appender_ranges.cpp: ranges of the open segment that have become full, and describing some of
  // them. For when nothing else is to be done: it is for people who look into the log.
  bool RangesDue() const;
  void DescribeRanges();
  // Gives new consumers of streams more of what the stream holds, sequin.batch_rows at once.
  void AdvanceStarts();
  bool AnyStarts() const { return !starts_.empty(); }
  KeyState* key_state() { return &key_state_; }
  // Raises confirm_limit beyond `lsn`, durably, when it is below.
  void AllowConfirm(XLogRecPtr lsn);

  const Progress& progress() const { return progress_; }
  TupleDesc log_descriptor() const { return log_descriptor_; }
  XLogRecPtr last_commit_end() const { return last_commit_end_; }
  TimestampTz commit_time() const { return commit_time_; }

 private:
  struct ConsumerRoute {
    int32 consumer;  // hash key
    int64 base_ord;  // of the entries in `bytes`
    int64 next_ord;
    int count;
    EntryWriter* writer;
    char* bytes;  // of kRouteEntriesMax entries
    size_t used;
    bool dirty;
    bool starting;  // its stream says what comes next, see StreamStart
  };
  // A new consumer of a stream: what the stream holds comes first, in parts, in the order of the
  // log. Until it is through, new messages reach it from the stream's state, too.
  struct StreamStart {
    int32 consumer;
    int32 stream;
    int64 seq;  // up to which it has them
    char* key_pattern;
  };
  static constexpr int kRouteEntriesMax = 256;
  static constexpr int kStagedMax = 1000;
  static constexpr int kRouteSlots = 64;
  static constexpr size_t kRecentRoutes = 256;

  ConsumerRoute* RouteOf(int32 consumer);
  void RemoveRoute(ConsumerRoute* route);
  void AddConsumer(int32 consumer, int64 next_ord);
  bool SliceMayEnd(Batch* batch);
  void WriteSlice(Batch* batch, size_t* visible);
  void TakeRecord(ChangeRecord* record, TimestampTz commit_time);
  void AddEntry(ConsumerRoute* route, const Target& target, int64 seq);
  void CloseRouteRow(ConsumerRoute* route);
  void FlushLogRows();
  void FlushRoutes();
  void ApplyEvents(const Transaction& transaction);
  void ApplySource(int32 consumer, const char* definition, bool created);
  StreamStart* StartOf(int32 consumer);
  void Advance(StreamStart* start);
  void ForgetStart(int32 consumer);
  void ForgetKeys(int32 consumer);
  void WakeDirty();
  void WriteLetters(const ChangeRecord* record, HeapTuple row);
  void WriteRelations(Batch* batch);
  void WriteProgress();
  void GoOnBehind(const Gap& gap);
  void DeclareGap(const Gap& gap);
  void TakeDefinitions(const Vec<PresentDefinition>& definitions, XLogRecPtr since);
  void RestartFeeds(XLogRecPtr from);
  void OpenSegment();
  void CloseSegment();
  void CreateSegment();
  void DescribeRest();

  MemoryContext context_;
  MemoryContext slice_;  // reset after every slice
  Progress progress_;
  bool same_place_;
  bool expects_new_slot_;
  const char* place_;  // where the progress row was written
  KeptRow progress_row_;
  TupleDesc log_descriptor_;
  TupleDesc route_descriptor_;

  int32 segment_no_;
  Oid log_oid_;
  Oid route_oid_;
  int32 segment_incarnation_;
  int64 segment_bytes_;
  int64 rotate_again_at_;         // after a failure; monotonic
  BlockNumber described_ranges_;  // of the log, see log_indexes.h
  BlockNumber range_pages_;       // 0: it has no ranges
  BlockNumber last_block_;        // of the log
  LogIndexes log_indexes_;        // of `log_`
  Relation log_;
  Relation route_;

  FeedWindow window_;  // open while the rows of a backfill chunk are written
  HTAB* routes_;
  ConsumerRoute* recent_[kRecentRoutes];  // of routes_, by the last bits of their consumer
  Vec<ConsumerRoute*> dirty_;
  Vec<HeapTuple> route_rows_;
  HeapTupleData* staged_;
  int64* staged_seqs_;
  TupleTableSlot** slots_;
  int slots_made_;
  int staged_count_;
  TupleTableSlot* route_slots_[kRouteSlots];  // made when they are needed first
  KeyState key_state_;
  Vec<StreamStart> starts_;
  XLogRecPtr last_commit_end_;
  TimestampTz commit_time_;
};

}  // namespace sequin
