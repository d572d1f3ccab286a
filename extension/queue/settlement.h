// What settling positions of one claim means: pure rules, used under the lock of the claim.
//
//  * An own row decides about a position; else the row of the whole claim; else a fence refuses.
//  * Giving an entry back (anything but ack) takes back the later unsettled entries of its groups
//    in the claim, and those of theirs: rows `taken`, so that the unique key refuses their ack.
//  * What is named in the call comes first, so that two nacks of one group are both accepted.
//  * Acking all that has no row yet is one row for the whole claim.
//  * An entry that a rewind overtook is settled, which frees its group, but the answer is STALE,
//    also to a repeated ack: such an ack is stored as `taken`.
#pragma once

#include "queue/queue_store.h"

namespace sequin {

enum class SettleResult : uint8_t { kDone, kAlready, kStale, kUnknown };

struct SettleRequest {
  int32_t pos;
  Outcome outcome;
  int64_t ready_at;
  std::string_view error;
  SettleResult result;
};

struct SettleInsert {
  int32_t pos;
  Outcome outcome;
  int64_t ready_at;
  std::string_view error;
};

class Settlement {
 public:
  // `entries` may be nullptr when all requests are acks and nothing was rewound.
  Settlement(Memory memory, int32_t n, const Entry* entries, int64_t void_from);

  // Every row of the claim, or at least those of pos < 0 and of the requests. `row.in_progress`:
  // of a transaction other than ours that has not ended; `row.handle`: its number.
  void See(const SettleRow& row);
  void SeePartly() { partial_ = true; }

  // The transaction that must end first, 0: none. Then call Decide.
  uint64_t MustWaitFor(const SettleRequest* requests, size_t count);
  // Fills in the results and the rows to insert.
  void Decide(SettleRequest* requests, size_t count);
  Array<SettleInsert>& inserts() { return inserts_; }
  // What an ack of the position would be told.
  SettleResult Peek(int32_t pos) const;
  int64_t extended_to() const { return extended_to_; }
  int32_t lowest_pos() const { return lowest_pos_; }

 private:
  enum class State : uint8_t { kNone, kInProgress, kAcked, kGivenBack };

  bool CoversAll(const SettleRequest* requests, size_t count) const;
  void DecideOne(SettleRequest* request, bool whole);
  bool Void(int32_t pos) const { return entries_ != nullptr && entries_[pos].ord >= void_from_; }
  template <typename Visit>
  void Closure(int32_t pos, Visit&& visit);

  Memory memory_;
  int32_t n_;
  const Entry* entries_;
  int64_t void_from_;  // ordinals from here on are void
  State* states_;
  uint64_t* owners_;  // of rows in progress
  bool partial_ = false;
  bool whole_ = false;
  uint64_t whole_in_progress_ = 0;
  bool fenced_ = false;
  int64_t extended_to_ = kAtOnce;
  int32_t lowest_pos_ = 0;
  Array<SettleInsert> inserts_;
};

}  // namespace sequin
