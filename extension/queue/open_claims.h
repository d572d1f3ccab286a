// The claims of one consumer that have, as far as is known, unsettled entries, and which group is
// out in which claim. A cache of the claim table, kept by each backend between its receives.
//
// Invariants:
//  1. Every claim with an unsettled entry is here once Refresh was called under the lock.
//  2. A position that is marked settled is settled; one that is not may be by now: ask Settled().
//  3. Unsettled entries of one group are all in one claim, so that the newest claim known for a
//     group is the only one that can keep it busy.
//  4. It is changed to what a transaction writes before that commits: an abort must forget it all.
#pragma once

#include "queue/queue_store.h"

namespace sequin {

// Each row whose number is a multiple of this lists the claims that were open, so that a backend
// that knows nothing need not read all rows since the oldest of them.
inline constexpr int64_t kOpenListEvery = 256;

struct OpenClaim {
  int64_t no;
  int64_t nonce;
  int64_t taken_at;
  int64_t expires;
  int64_t look_again;  // an expired one that could not be finished: not before
  int32_t n;
  bool has_request;
  uint8_t request[16];
  int32_t open;          // positions not known to be settled
  int32_t first_open;    // all before it are settled
  uint32_t looked_pass;  // when its common rows were last read
  Entry* entries;
  int32_t* next;  // [2 * pos]: next position with the group, [2 * pos + 1]: second group
  bool* settled;
  bool linked;  // its groups are in the map, as far as they were not found free since
  // `open` when all parked groups that wait for it were looked at and none was found free; -1: they
  // were not. While it is still that, none needs another look.
  int32_t waited_open;
  int32_t open_before;  // `open` when the look at those that wait began
};

class OpenClaims {
 public:
  explicit OpenClaims(Memory memory, int64_t list_every = kOpenListEvery);

  // Learns what others claimed since the last time. False: the consumer has no row yet.
  bool Refresh(QueueStore* store);
  void Forget();  // after an abort

  OpenClaim* Find(int64_t no);
  // Nothing more of it is settled than when its waiting groups were looked at.
  bool SettledNoMore(OpenClaim* claim);
  // The newest claim that the client gave this name and that has entries neither settled nor void.
  OpenClaim* FindRequest(const uint8_t* request);
  const ClaimRow& newest() const { return newest_; }  // zeroes: there is none
  int64_t LowestOpen() const;                         // INT64_MAX: none
  size_t size() const { return claims_.size(); }
  OpenClaim* at(size_t i) { return claims_[i]; }

  // The claim, other than none (0), that has an unsettled entry of the group.
  int64_t BusyClaim(uint64_t group);
  // The same for a relation; O(entries in flight), for barriers only.
  int64_t RelationClaim(uint32_t relation);
  // The claim in which a barrier of the relation is out.
  int64_t BarrierClaim(uint32_t relation);

  bool Settled(OpenClaim* claim, int32_t pos);
  void MarkSettled(OpenClaim* claim, int32_t pos);
  void MarkAllSettled(OpenClaim* claim);
  // An entry that a later rewind has overtaken.
  bool Void(int64_t claim_no, int64_t ord) const;

  // The list for a row with that number, in `memory`; without data: it gets none.
  std::string_view ListFor(int64_t no, Memory memory) const;
  // Adds a row that this transaction writes. `entries` is copied.
  void Add(const ClaimRow& row, const Entry* entries);
  // Drops claims that are settled: all at the low end, and some of the others in turn.
  void Sweep();
  // Exact number of unsettled positions, when it may be `limit` or more; else an upper bound.
  int64_t InFlight(int64_t limit);

 private:
  struct Place {
    OpenClaim* claim;
    int32_t pos;
  };
  struct Barrier {
    uint32_t relation;
    int64_t no;
    int32_t pos;
  };
  struct Rewind {
    int64_t no;
    int64_t keep;
  };

  void LoadAll();
  bool LoadListed(int64_t from);
  void LoadRewinds(int64_t newest, int64_t low_no);
  void Load(const ClaimRow& row);
  OpenClaim* Build(const ClaimRow& row, const Entry* entries);
  void LinkNew();
  void Link(OpenClaim* claim);
  void LinkGroup(OpenClaim* claim, int32_t pos, uint64_t group, int32_t* next);
  void Look(OpenClaim* claim, int32_t pos);
  bool LookBetween(OpenClaim* claim, int32_t from_pos, int32_t to_pos);
  void LookAtAll(OpenClaim* claim);
  void MarkWhole(OpenClaim* claim);
  bool Finished(OpenClaim* claim);
  void Drop(OpenClaim* claim);
  void Compact();

  Memory memory_;
  int64_t list_every_;
  QueueStore* store_ = nullptr;
  uint32_t pass_ = 0;
  bool known_ = false;        // newest_ is a row that was read or written
  ClaimRow newest_{};         // without entries
  Array<OpenClaim*> claims_;  // by no
  size_t linked_ = 0;         // so many of them were looked at by LinkNew
  HashMap<Place> groups_;
  Array<Barrier> barriers_;
  Array<Rewind> rewinds_;
  size_t learned_ = 0;  // claims that came with the last Refresh
  size_t sweep_at_ = 0;
};

}  // namespace sequin
