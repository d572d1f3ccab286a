// What the capture worker keeps by key: the messages that streams hold (sequin.stream_message), and
// the newest message of each key for consumers with mode latest (sequin.latest).
//
// Invariants
//  1. Written in the transaction that appends the message, so that state, log and routes agree for
//     whoever sees one of them.
//  2. This process is the only writer: a row that was found stays as it is until we change it.
//  3. No search walks over dead rows, however long somebody holds a snapshot: rows are replaced by
//     rows with a higher seq, and searched from the highest seq down.
#pragma once

#include "log/batch.h"
#include "pg/index_probe.h"
#include "pg/table.h"
#include "queue/table_writer.h"

namespace sequin {

// Messages of a stream that it need not hold: all of both.
struct TrimRange {
  int32 stream;
  int64 below_seq;
  TimestampTz before;
};

class KeyState {
 public:
  void Init(MemoryContext parent, MemoryContext slice);

  // Takes the state rows of one record; they are written by Flush, at the latest.
  void Take(std::string_view rows, int64 seq, TimestampTz commit_time);
  // In the slice's transaction. What it wrote can be read by this transaction.
  void Flush();

  // Forgets up to `limit` rows, in a transaction of the caller; returns how many. A call of
  // TrimLatest looks at some of the rows, the next one at those after them: it also returns
  // `limit` when it has not seen all.
  int Trim(const TrimRange& range, int limit);
  int TrimLatest(int64 below_seq, int limit);

 private:
  struct Staged {
    StateRow row;
    const char* key;
    int64 seq;
    TimestampTz time;
    TimestampTz first_time;  // of the key, as far as is known
    size_t next_of_hash;     // index + 1 of another one whose hash is the same
    bool replaced;           // by a later one of the same slice
  };
  struct HashKey {
    uint64 hash;
    int32 owner;
    uint32 kind;
  };
  struct HashEntry {
    HashKey key;
    size_t newest;  // index + 1
  };
  struct Count {
    int32 stream;  // hash key
    bool dirty;
    int64 messages;
    int64 bytes;
    KeptRow row;  // no tuple: it is not stored yet

    ItemPointer Place(Relation table);
  };

  Staged* EarlierOf(const Staged& staged, HashEntry* entry);
  void WriteStreamMessage(const Staged& staged);
  TimestampTz DeleteEarlier(const Staged& staged, Count* count);
  void InsertPending();
  void WriteLatest(const Staged& staged);
  Count* CountOf(int32 stream);
  void ForgetKept(int64 seq);
  void ForgetCount(Count* count);
  void WriteCounts();

  MemoryContext context_;
  MemoryContext slice_;  // owns the keys; reset by the owner after the slice
  Vec<Staged> staged_;
  HTAB* by_key_;
  HTAB* counts_;
  TableWriter messages_, latest_;
  Vec<HeapTuple> pending_;  // for messages_
  bool pending_not_alone_ = false;
  IndexProbe messages_by_key_, latest_by_hash_;

  // How far TrimLatest has come.
  int64 latest_below_ = 0;
  int32 latest_consumer_ = 0;
  int64 latest_hash_ = 0;
  bool latest_done_ = false;
};

// Messages before this position may be in log_kept from now on.
void NoteKeptBelow(int64 seq);

}  // namespace sequin
