// The window of a backfill chunk: which of its rows were overtaken.
//
// A chunk was read under a snapshot and stands in the log where the feeder's transaction
// committed. A change that this snapshot did not see, but whose commit comes before the chunk, is
// newer than the row. It is in the log already, behind `low_ord` of the consumer's route:
// everything before that was visible when the snapshot was taken. So a row is dropped if the
// consumer got a newer change of its key. If that change left out values which did not change
// (TOAST), the row goes out all the same, as it is after the change: with the row's values of
// those columns and the change's values of all others.
//
// Keys are compared in full where the log shows them, and else by the hash that groups have.
#pragma once

#include "log/batch.h"
#include "log/reader.h"

namespace sequin {

class FeedWindow {
 public:
  // Reads what was appended meanwhile. Everything before the chunk must be committed. `context`
  // must live until Close.
  void Open(const FeedChunk& chunk, MemoryContext context, TupleDesc log_descriptor);
  bool IsOpen() const { return chunk_ != nullptr; }
  void Close();

  // False: a newer change is in the log. Row and target may be replaced: by those of the row as it
  // is after the changes; the new row is in `context`.
  bool Admit(HeapTuple row, Target* target);

 private:
  struct Overtaking {
    uint64 group;  // of the key that it found
    int64 seq;
    uint64 next_group;  // of the key that it left
  };
  struct Version;

  bool Unseen(TransactionId xid) const;
  bool MayConcern(const Entry& entry) const;
  void Look(const Entry& entry);
  const Overtaking* Next(const Version& version, LogRow* change);
  bool Apply(const LogRow& change, const Overtaking& overtaking, Version* version);

  const FeedChunk* chunk_ = nullptr;
  MemoryContext context_ = nullptr;
  TupleDesc descriptor_ = nullptr;
  Vec<Overtaking> overtaking_;  // by group and seq
  LogReader log_;
};

// The members of `base` as they are after a change to `over`, which lacks those of the JSON array
// `unchanged`. Members that it lacks for another reason are left out.
void AppendMerged(StringInfo out, std::string_view base, std::string_view over,
                  std::string_view unchanged);

}  // namespace sequin
