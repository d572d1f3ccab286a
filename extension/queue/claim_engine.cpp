// The claim algorithm: what is taken (claim_engine.h). What comes back is in claim_returns.cpp, who
// waits for whom in claim_waits.cpp.
#include "queue/claim_engine.h"

#include <utility>

#include "pg/planted.h"

namespace sequin {

ClaimEngine::ClaimEngine(QueueStore* store, OpenClaims* open, Memory memory,
                         const ClaimRules& rules)
    : store_(store),
      open_(open),
      memory_(memory),
      rules_(rules),
      held_(store, memory, rules.row_entries),
      taken_(memory),
      touched_(memory),
      candidates_(memory),
      barriers_(memory),
      freed_relations_(memory),
      drafts_(memory),
      absorbed_(memory),
      new_settles_(memory),
      dead_(memory) {}

void ClaimEngine::Begin() {
  written_ord_ = next_ord_ = open_->newest().next_ord;
  held_.LoadSome(rules_.look_ahead);
  LoadBarriers();
  Absorb();
  Expire();
  open_->Sweep();
  LookAtWaiting();
  EvaluateTouched();
}

const Draft* ClaimEngine::NextClaim(int32_t n) {
  n = WithinLimits(n);
  if (n <= 0 || stopped_) return nullptr;
  taken_.clear();
  draft_has_barrier_ = false;
  draft_++;
  bytes_ = 0;
  full_ = false;
  cap_ = rules_.order == OrderMode::kStrict ? n : n > 1 ? n / 2 : 1;
  int64_t no = NextRow().no;
  FillFromHeld(n == 1 ? static_cast<int32_t>(no & 1) : n / 2, true);
  ScanRoute(n);
  // What left without being taken may have been all that something else waited for.
  do {
    if (passed_by_) EvaluateBarriers();
    passed_by_ = false;
    FillFromHeld(n, false);
    FillFromOwnGroups(n);
  } while (passed_by_ && !full_ && !stopped_ && static_cast<int32_t>(taken_.size()) < n);
  return CloseDraft();
}

int32_t ClaimEngine::WithinLimits(int32_t n) {
  if (n > kClaimEntriesMax) n = kClaimEntriesMax;
  if (rules_.max_in_flight == 0) return n;
  int64_t left = rules_.max_in_flight - open_->InFlight(int64_t{rules_.max_in_flight} - n + 1);
  if (left >= n) return n;
  waits_for_settles_ = true;
  return static_cast<int32_t>(left);
}

void ClaimEngine::Finish() {
  for (uint32_t relation : freed_relations_) TouchRelation(relation);
  if (next_ord_ != written_ord_) AddRow(NextRow(), nullptr);
  EvaluateTouched();
  EvaluateBarriers();
  held_.ForEachGroup([&](Group* group) {
    HeldChunk* front = group->loaded ? held_.FrontChunk(group) : nullptr;
    waits_for_settles_ = waits_for_settles_ || (front != nullptr && front->wait > 0);
  });
}

bool ClaimEngine::Changed() const {
  return requeued_ || sentenced_ || !drafts_.empty() || !absorbed_.empty() ||
         !new_settles_.empty() || next_ord_ != written_ord_;
}

// ---- parked entries ----------------------------------------------------------------------------

void ClaimEngine::FillFromHeld(int32_t limit, bool capped) {
  while (!full_ && !stopped_ && static_cast<int32_t>(taken_.size()) < limit &&
         TakeCandidate(capped)) {
  }
}

// A dead letter that was put back (ordinals below 0) is wanted by whoever did so.
bool ClaimEngine::Outdated(const Entry& entry) {
  return rules_.latest && entry.ord >= 0 && !entry.Has(kBarrier) && !entry.Has(kSecondGroup) &&
         store_->Superseded(entry);
}

// The first entry of a group but for those that were superseded, which are done.
Entry* ClaimEngine::LiveFront(Group* group) {
  Entry* front = held_.Front(group);
  bool passed = false;
  while (front != nullptr && Outdated(*front)) {
    held_.PopFront(group);
    passed = true;
    front = held_.Front(group);
  }
  if (passed) {
    sentenced_ = passed_by_ = true;
    Touch(group->hash);
    List(group);
  }
  return front;
}

// The group may have something to take: it is looked at after those that are listed already.
void ClaimEngine::List(Group* group) {
  if (group->listed) return;
  group->listed = true;
  candidates_.push(group->hash);
}

// Takes one entry of some candidate; false when there are none left.
bool ClaimEngine::TakeCandidate(bool capped) {
  uint64_t hash;
  while (NextCandidateGroup(&hash)) {
    Group* group = Touch(hash);
    Entry* front = LiveFront(group);
    if (front == nullptr || !Eligible(*front, capped)) continue;
    bool taken = TakeHeld(*front);
    if (full_ || stopped_) return false;
    List(group);
    if (taken) return true;
  }
  return false;
}

// Candidates of the memory, those without delay and those whose delay is over take turns: none can
// starve another.
bool ClaimEngine::NextCandidateGroup(uint64_t* hash) {
  for (int tries = 0; tries < 3; tries++) {
    int turn = turn_++ % 3;
    if (turn == 0) {
      if (candidates_at_ == candidates_.size()) continue;
      *hash = candidates_[candidates_at_++];
      held_.Get(*hash)->listed = false;
      return true;
    }
    if (store_->NextCandidate(turn == 1, rules_.now, [&](const HeldRow& row) {
          *hash = row.group;
          return false;
        })) {
      return true;
    }
  }
  return false;
}

// Free places go to the groups that are in the claim already, beyond their share.
void ClaimEngine::FillFromOwnGroups(int32_t limit) {
  for (size_t i = 0; i < taken_.size(); i++) {
    Entry entry = taken_[i];
    for (int which = 0; which < (entry.Has(kSecondGroup) ? 2 : 1); which++) {
      Group* group = held_.Get(which == 0 ? entry.group : entry.second_group);
      while (static_cast<int32_t>(taken_.size()) < limit && !stopped_) {
        Entry* front = LiveFront(group);
        if (front == nullptr || !Eligible(*front, false)) break;
        TakeHeld(*front);
        if (full_) break;
      }
    }
  }
}

bool ClaimEngine::Eligible(const Entry& entry, bool capped) {
  bool free = true;
  ForGroups(entry, [&](Group* group) {
    if (!free) return;
    HeldChunk* chunk = held_.FrontChunk(group);
    free = chunk != nullptr && chunk->front().ord == entry.ord && chunk->ready_at <= rules_.now &&
           Busy(group) == 0 && !(capped && Share(group) >= cap_);
  });
  if (!free || DraftHas(entry.relation, !entry.Has(kBarrier))) return false;
  if (BarrierHeldBefore(entry.relation, entry.ord)) return false;
  if (!entry.Has(kBarrier)) return open_->BarrierClaim(entry.relation) == 0;
  return open_->RelationClaim(entry.relation) == 0 &&
         !RelationHeldBefore(entry.relation, entry.ord);
}

// Whether the claim has room for the bytes of the entry, which will be taken then.
bool ClaimEngine::Fits(const Entry& entry) {
  if (rules_.bytes_max == 0) return true;
  int64_t bytes = store_->EntryBytes(entry.seq);
  full_ = full_ || (!taken_.empty() && bytes > rules_.bytes_max - bytes_);
  if (!full_) bytes_ += bytes;
  return !full_;
}

// Whether the entry, which could be taken, is to leave its place: it is taken, or Sentence says
// what else becomes of it. A candidate that does not match takes no room.
bool ClaimEngine::Passes(const Entry& entry, Judgement* judgement) {
  if (entry.Has(kCandidate)) *judgement = store_->Judge(entry);
  stopped_ = stopped_ || judgement->verdict == Verdict::kStop;
  return !stopped_ && (judgement->verdict != Verdict::kTake || Fits(entry));
}

// Whether it was taken.
bool ClaimEngine::TakeHeld(const Entry& front) {
  Entry entry = front;
  entry.flags &= static_cast<uint8_t>(~kShadow);
  Judgement judgement{Verdict::kTake};
  if (!Passes(entry, &judgement)) return false;
  PopHeld(entry);
  bool taken = Sentence(entry, judgement);
  if (!taken) {
    passed_by_ = true;
    ForGroups(entry, [&](Group* group) { List(group); });
  }
  return taken;
}

void ClaimEngine::PopHeld(const Entry& entry) {
  ForGroups(entry, [&](Group* group) {
    held_.PopFront(group);
    Touch(group->hash);
  });
  if (entry.Has(kBarrier)) {
    size_t kept = 0;
    for (const HeldBarrier& barrier : barriers_) {
      if (barrier.ord != entry.ord) barriers_[kept++] = barrier;
    }
    barriers_.resize(kept);
    freed_relations_.push(entry.relation);
  }
}

// Does with an entry, which is in no queue now, what was decided. Whether it was taken.
bool ClaimEngine::Sentence(const Entry& entry, const Judgement& judgement) {
  sentenced_ = sentenced_ || judgement.verdict != Verdict::kTake;
  switch (judgement.verdict) {
    case Verdict::kTake:
      Take(entry);
      return true;
    case Verdict::kLater:
      PutBack(entry, judgement.ready_at, {});
      return false;
    case Verdict::kDead:
      dead_.push({entry, DeathCause::kFilter, judgement.error});
      return false;
    default:
      return false;
  }
}

// ---- new entries -------------------------------------------------------------------------------

void ClaimEngine::ScanRoute(int32_t limit) {
  if (!seeked_) store_->SeekRoute(next_ord_);
  seeked_ = true;
  scanned_ = 0;
  Entry entry;
  while (!full_ && !stopped_ && static_cast<int32_t>(taken_.size()) < limit &&
         scanned_ < rules_.scan_limit && store_->NextRoute(&entry)) {
    if (++scanned_ % 1024 == 0) store_->CheckInterrupts();
    entry = InOrder(entry, rules_.order);
    if (ScanEntry(entry)) continue;
    seeked_ = false;  // it is still there
    return;
  }
}

// False: it stays where it is.
bool ClaimEngine::ScanEntry(const Entry& entry) {
  if (rules_.latest) {
    if (Outdated(entry)) {
      next_ord_ = entry.ord + 1;
      return true;
    }
    ForGroups(entry, [&](Group* group) { LiveFront(group); });
  }
  if (MustWait(entry)) {
    waits_for_settles_ = waits_for_settles_ || rules_.order == OrderMode::kStrict;
    if (rules_.order == OrderMode::kStrict) return false;
    next_ord_ = entry.ord + 1;
    Park(entry);
    return true;
  }
  Judgement judgement{Verdict::kTake};
  if (!Passes(entry, &judgement)) return false;
  next_ord_ = entry.ord + 1;
  Sentence(entry, judgement);
  return true;
}

bool ClaimEngine::MustWait(const Entry& entry) {
  if (entry.Has(kBarrier)) return BarrierMustWait(entry);
  if (BarrierHeldBefore(entry.relation, entry.ord) || open_->BarrierClaim(entry.relation) != 0 ||
      DraftHas(entry.relation, true)) {
    return true;
  }
  bool wait = false;
  ForGroups(entry, [&](Group* group) {
    wait = wait || held_.Any(group) || Busy(group) != 0 || Share(group) >= cap_;
  });
  return wait;
}

bool ClaimEngine::BarrierMustWait(const Entry& entry) {
  return DraftHas(entry.relation, false) || held_.Any(held_.Get(entry.group)) ||
         open_->RelationClaim(entry.relation) != 0 || RelationHeldBefore(entry.relation, entry.ord);
}

bool ClaimEngine::DraftHas(uint32_t relation, bool barriers_only) const {
  if (barriers_only && !draft_has_barrier_) return false;
  for (const Entry& entry : taken_) {
    if (entry.relation == relation && (!barriers_only || entry.Has(kBarrier))) return true;
  }
  return false;
}

// ---- rows --------------------------------------------------------------------------------------

void ClaimEngine::Take(const Entry& entry) {
  taken_.push(entry);
  draft_has_barrier_ = draft_has_barrier_ || entry.Has(kBarrier);
  ForGroups(entry, [&](Group* group) {
    Share(group)++;
    Touch(group->hash);
  });
}

int32_t& ClaimEngine::Share(Group* group) {
  if (group->share_of != draft_) {
    group->share_of = draft_;
    group->share = 0;
  }
  return group->share;
}

ClaimRow ClaimEngine::NextRow() const {
  const ClaimRow& newest = open_->newest();
  ClaimRow row{};
  row.no = newest.no + 1;
  row.next_ord = next_ord_;
  int64_t lowest = open_->LowestOpen();
  row.low_no = lowest < row.no ? lowest : row.no;
  row.last_rewind = newest.rewind ? newest.no : newest.last_rewind;
  row.taken_at = rules_.now;
  row.expires = rules_.now + rules_.visibility;
  row.epoch = newest.epoch;
  return row;
}

Draft* ClaimEngine::AddRow(const ClaimRow& row, Entry* entries) {
  auto* draft = memory_.New<Draft>();
  draft->row = row;
  draft->row.nonce = store_->NewNonce();
  draft->row.open_claims = open_->ListFor(row.no, memory_);
  draft->entries = entries;
  written_ord_ = row.next_ord;
  open_->Add(draft->row, entries);
  drafts_.push(draft);
  return draft;
}

Draft* ClaimEngine::CloseDraft() {
  if (taken_.empty()) return nullptr;
  ClaimRow row = NextRow();
  row.n = static_cast<int32_t>(taken_.size());
  row.has_request = rules_.request != nullptr;
  if (row.has_request) memcpy(row.request, rules_.request, sizeof(row.request));
  Entry* entries = memory_.NewArray<Entry>(taken_.size());
  memcpy(static_cast<void*>(entries), taken_.begin(), taken_.size() * sizeof(Entry));
  if (Planted("group_reordered")) {
    for (size_t i = 1; i < taken_.size(); i++) {
      if (entries[i].group == entries[i - 1].group) std::swap(entries[i], entries[i - 1]);
    }
  }
  Draft* draft = AddRow(row, entries);
  for (const Entry& entry : taken_) {
    ForGroups(entry, [&](Group* group) {
      group->busy_known = true;
      group->busy = row.no;
    });
  }
  taken_.clear();
  return draft;
}

void ClaimEngine::Requeue(const Entry& entry) {
  requeued_ = true;
  PutBack(entry, kAtOnce, {});
}

void ClaimEngine::Rewind(int64_t ord, bool skip) {
  ClaimRow row = NextRow();
  row.rewind = true;
  row.keep = ord < next_ord_ || (ord == next_ord_ && !skip) ? ord : INT64_MIN;
  row.next_ord = ord;
  row.epoch++;
  store_->HeldAll([&](const HeldRow& held) {
    Touch(held.group);
    return true;
  });
  held_.ForEachGroup([&](Group* group) {
    Touch(group->hash);
    held_.CutFrom(group, row.keep);
  });
  size_t kept = 0;
  for (const HeldBarrier& barrier : barriers_) {
    if (barrier.ord < row.keep) barriers_[kept++] = barrier;
  }
  barriers_.resize(kept);
  next_ord_ = ord;
  seeked_ = false;
  AddRow(row, nullptr);
}

}  // namespace sequin
