// The claim algorithm: decides, under the lock of a consumer, what a receive takes. It reads
// through QueueStore and changes nothing but memory; the caller writes what it decided, or drops
// it.
//
// Order of calls: OpenClaims::Refresh, then here Begin, NextClaim for each batch wanted, Finish;
// then the results.
//
// Begin     learns what was settled: entries that come back are parked, or become dead letters;
//           claims whose time is over are expired, with a fence so that a late settle is refused
// NextClaim first parked entries, lowest ordinal first, up to half the batch; then new ones from
//           the route, parking those that must wait: their group is busy or has parked entries, or
//           a barrier (TRUNCATE) of their table is not done; then parked ones again
// Finish    says for every parked group that was touched for which claim it waits
//
// Rules that look avoidable and are not:
//  * Only the first entry of a group can be taken. One with two groups (its key was changed) stands
//    in both queues and must be first in both.
//  * In strict order nothing is parked that was not out: the scan of the route ends at an entry
//  that
//    must wait.
//  * A group is busy until every position that has it is settled with nothing left to do.
//  * A barrier is taken when nothing of its table is out, parked before it or in the same claim;
//    nothing of its table is taken while it is parked before it, out, or in the same claim.
//  * A candidate is judged when it could be taken, each time anew, and before it is: one that does
//    not match leaves no trace, frees its group at once and counts towards no limit.
//  * With mode latest a parked entry that was superseded is no reason to wait, whatever its delay.
//  * What a parked entry leaves free when it is passed by can be taken in the same receive:
//    one that waits would sleep otherwise.
//  * An entry that a rewind has overtaken (void) frees its group but does not come back.
#pragma once

#include "catalog/order_mode.h"
#include "queue/held_queues.h"
#include "queue/open_claims.h"

namespace sequin {

struct ClaimRules {
  int64_t now;
  int64_t visibility;     // microseconds
  int32_t max_deliver;    // 0: no limit
  int32_t max_in_flight;  // 0: no limit
  bool count_expiry;      // an expired claim counts an attempt for the first entry of a group
  OrderMode order = OrderMode::kGroup;
  bool latest = false;    // an entry that is not the newest of its key is passed by; order kGroup
  int64_t bytes_max = 0;  // of one claim, which has at least one message; 0: no limit
  const uint8_t* request = nullptr;  // 16 bytes: the name that the client gives its claim
  int32_t scan_limit = 20000;
  int32_t row_entries = kHeldRowEntries;
  int32_t look_ahead = 64;    // parked rows to read in advance
  int32_t many_waiting = 16;  // of parked groups for one claim
};

struct Draft {  // a row of claim
  ClaimRow row;
  Entry* entries;
};

struct NewSettle {
  int64_t no;
  int32_t pos;
  Outcome outcome;
};

enum class DeathCause : uint8_t { kExhausted, kRejected, kFilter };

struct DeadEntry {
  Entry entry;
  DeathCause cause;
  std::string_view error;
};

// Positions have 16 bits in an ack_id; a batch is less.
inline constexpr int32_t kClaimEntriesMax = 10000;

class ClaimEngine {
 public:
  ClaimEngine(QueueStore* store, OpenClaims* open, Memory memory, const ClaimRules& rules);

  void Begin();
  // Takes up to n entries; nullptr: there is nothing to take now. Valid until the engine goes.
  const Draft* NextClaim(int32_t n);
  // NextClaim ended because it had looked at many entries, not because there are no more.
  bool hit_scan_limit() const { return scanned_ >= rules_.scan_limit; }
  // It ended because a verdict said so.
  bool stopped() const { return stopped_; }
  void Finish();

  // Sets the position of the consumer: entries at and after `ord` will be delivered (again),
  // those before it stay where they are, unless the position goes forward (`skip`: or stays): then
  // nothing that is out or parked comes again.
  void Rewind(int64_t ord, bool skip);

  // Puts an entry into the queue that is in no place of it: its ordinal is below 0, so that it
  // comes before all of the route.
  void Requeue(const Entry& entry);

  int64_t next_ord() const { return next_ord_; }
  bool Changed() const;
  Array<Draft*>& drafts() { return drafts_; }
  Array<uint64_t>& absorbed() { return absorbed_; }  // handles of settle rows
  Array<NewSettle>& new_settles() { return new_settles_; }
  Array<DeadEntry>& dead() { return dead_; }
  HeldQueues& held() { return held_; }
  // A settle can make something deliverable: groups wait for claims, or as much is out as may be.
  bool waits_for_settles() const { return waits_for_settles_; }
  // When something may become ready without anybody's doing; INT64_MAX: never.
  int64_t NextDue();

 private:
  struct HeldBarrier {
    uint32_t relation;
    uint64_t group;
    int64_t ord;
  };
  static constexpr int32_t kClaimLocksMax = 256;

  // Entries and groups.
  Group* Touch(uint64_t hash);
  template <typename Visit>
  void ForGroups(const Entry& entry, Visit&& visit) {
    visit(held_.Get(entry.group));
    if (entry.Has(kSecondGroup)) visit(held_.Get(entry.second_group));
  }
  int64_t Busy(Group* group);
  int32_t& Share(Group* group);
  void Park(const Entry& entry);
  void PutBack(const Entry& entry, int64_t ready_at, std::string_view error);
  void Take(const Entry& entry);
  bool Passes(const Entry& entry, Judgement* judgement);
  void PopHeld(const Entry& entry);
  bool TakeHeld(const Entry& front);
  bool Sentence(const Entry& entry, const Judgement& judgement);

  // Begin.
  void LoadBarriers();
  void Absorb();
  void AbsorbRow(OpenClaim* claim, const SettleRow& row);
  int64_t EndOf(const OpenClaim* claim) const { return EndOfClaim(claim->expires, rules_.now); }
  int64_t DueAt(const OpenClaim* claim) const;
  void Expire();
  void ExpireClaim(OpenClaim* claim);
  struct ClaimView;
  ClaimView ViewClaim(OpenClaim* claim);
  bool ExpirePositions(OpenClaim* claim, const ClaimView& view);
  void GiveBack(OpenClaim* claim, int32_t pos, int32_t attempts, int64_t ready_at,
                std::string_view error, bool rejected, bool delivered = true);
  void LookAtWaiting();
  int64_t LookAtWaitingAfter(int64_t after);
  bool StillWaits(const HeldRow& row);

  // NextClaim.
  void FillFromHeld(int32_t limit, bool capped);
  bool Outdated(const Entry& entry);
  Entry* LiveFront(Group* group);
  void List(Group* group);
  bool TakeCandidate(bool capped);
  bool NextCandidateGroup(uint64_t* group);
  void FillFromOwnGroups(int32_t limit);
  bool Eligible(const Entry& entry, bool capped);
  bool Fits(const Entry& entry);
  void ScanRoute(int32_t limit);
  bool ScanEntry(const Entry& entry);
  bool MustWait(const Entry& entry);
  bool BarrierMustWait(const Entry& entry);
  bool DraftHas(uint32_t relation, bool barriers_only) const;
  int32_t WithinLimits(int32_t n);
  ClaimRow NextRow() const;
  Draft* AddRow(const ClaimRow& row, Entry* entries);
  Draft* CloseDraft();

  // Barriers and waiting.
  bool BarrierHeldBefore(uint32_t relation, int64_t ord);
  bool RelationHeldBefore(uint32_t relation, int64_t ord);
  void TouchRelation(uint32_t relation);
  int64_t WaitOf(const Entry& front);
  void Evaluate(Group* group);
  void EvaluateTouched();
  void EvaluateBarriers();

  QueueStore* store_;
  OpenClaims* open_;
  Memory memory_;
  ClaimRules rules_;
  HeldQueues held_;

  int64_t next_ord_ = 0;
  int64_t written_ord_ = 0;  // next_ord of the newest row
  bool requeued_ = false;
  bool seeked_ = false;
  bool stopped_ = false;    // by a verdict: nothing more is taken
  bool sentenced_ = false;  // a verdict changed where an entry is
  bool passed_by_ = false;  // a parked entry left without being taken: a barrier may be free
  bool waits_for_settles_ = false;
  int32_t scanned_ = 0;
  int32_t turn_ = 0;
  int32_t claim_locks_ = 0;

  // The claim being made.
  Array<Entry> taken_;
  bool draft_has_barrier_ = false;
  int32_t draft_ = 0;
  int32_t cap_ = 0;
  int64_t bytes_ = 0;
  bool full_ = false;  // the next entry would be too many bytes

  Array<Group*> touched_;
  Array<uint64_t> candidates_;  // groups that became candidates in memory
  size_t candidates_at_ = 0;
  Array<HeldBarrier> barriers_;
  Array<uint32_t> freed_relations_;  // whose barrier left the held rows

  Array<Draft*> drafts_;
  Array<uint64_t> absorbed_;
  Array<NewSettle> new_settles_;
  Array<DeadEntry> dead_;
};

}  // namespace sequin
