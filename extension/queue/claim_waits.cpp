// The claim algorithm: which parked groups wait for whom (claim_engine.h).
#include "queue/claim_engine.h"

#include "pg/planted.h"

namespace sequin {

Group* ClaimEngine::Touch(uint64_t hash) {
  Group* group = held_.Get(hash);
  if (!group->touched) touched_.push(group);
  group->touched = true;
  return group;
}

// Asked once for each group: an answer that is out of date says busy, which is always safe.
int64_t ClaimEngine::Busy(Group* group) {
  if (!group->busy_known) {
    group->busy = Planted("holder_ignored") ? 0 : open_->BusyClaim(group->hash);
    group->busy_known = true;
  }
  return group->busy;
}

// ---- barriers ----------------------------------------------------------------------------------

void ClaimEngine::LoadBarriers() {
  store_->HeldBarriers([&](const HeldRow& row) {
    barriers_.push({row.relation, row.group, row.ord});
    return true;
  });
}

bool ClaimEngine::BarrierHeldBefore(uint32_t relation, int64_t ord) {
  for (const HeldBarrier& barrier : barriers_) {
    if (barrier.relation == relation && barrier.ord < ord) return true;
  }
  return false;
}

bool ClaimEngine::RelationHeldBefore(uint32_t relation, int64_t ord) {
  bool found = false;
  held_.ForEachGroup([&](Group* group) {
    held_.ForEachChunk(group, [&](HeldChunk* chunk) {
      found =
          found || (chunk->count > 0 && chunk->relation == relation && chunk->front().ord < ord);
    });
  });
  for (bool barriers : {false, true}) {
    if (found) break;
    store_->HeldOfRelation(relation, barriers, [&](const HeldRow& row) {
      if (row.ord >= ord) return false;
      found = !held_.Loaded(row.group, row.ord);
      return !found;
    });
  }
  return found;
}

// All groups that have a parked entry of the relation.
void ClaimEngine::TouchRelation(uint32_t relation) {
  held_.ForEachGroup([&](Group* group) {
    held_.ForEachChunk(group, [&](HeldChunk* chunk) {
      if (chunk->relation == relation && !group->touched) {
        group->touched = true;
        touched_.push(group);
      }
    });
  });
  for (bool barriers : {false, true}) {
    store_->HeldOfRelation(relation, barriers, [&](const HeldRow& row) {
      Touch(row.group);
      return true;
    });
  }
}

// ---- waiting -----------------------------------------------------------------------------------

// The claim that the first entry of a group waits for, kWaitBehind, or kWaitFree.
int64_t ClaimEngine::WaitOf(const Entry& front) {
  int64_t wait = 0;
  ForGroups(front, [&](Group* group) {
    if (wait == 0) wait = Busy(group);
  });
  if (wait == 0) {
    wait = front.Has(kBarrier) ? open_->RelationClaim(front.relation)
                               : open_->BarrierClaim(front.relation);
  }
  if (wait != 0) return wait;
  bool behind = BarrierHeldBefore(front.relation, front.ord) ||
                (front.Has(kBarrier) && RelationHeldBefore(front.relation, front.ord));
  ForGroups(front, [&](Group* group) {
    Entry* first = held_.Front(group);
    behind = behind || (first != nullptr && first->ord != front.ord);
  });
  return behind ? kWaitBehind : kWaitFree;
}

void ClaimEngine::Evaluate(Group* group) {
  Entry* front = LiveFront(group);
  if (front == nullptr) return;
  Entry entry = *front;
  int64_t wait = WaitOf(entry);
  ForGroups(entry, [&](Group* each) {
    Entry* first = held_.Front(each);
    if (first != nullptr && first->ord == entry.ord) held_.SetWait(each, wait);
  });
  if (wait == kWaitFree) List(group);
}

void ClaimEngine::EvaluateTouched() {
  // Evaluating looks groups up, which may make them, and may touch groups again.
  for (size_t i = 0; i < touched_.size(); i++) {
    touched_[i]->touched = false;
    Evaluate(touched_[i]);
  }
  touched_.clear();
}

// A parked barrier waits for the whole of its relation, which any change may have freed.
void ClaimEngine::EvaluateBarriers() {
  for (size_t i = 0; i < barriers_.size(); i++) Evaluate(held_.Get(barriers_[i].group));
}

// Whether what the first entry of the row waits for still keeps it.
bool ClaimEngine::StillWaits(const HeldRow& row) {
  Entry front;
  EntryReader reader(row.entries.data(), row.entries.size(), row.ord);
  if (!reader.Read(&front)) store_->Damaged("held", row.ord);
  int64_t wait = 0;
  ForGroups(front, [&](Group* group) {
    if (wait != row.wait) wait = Busy(group);
  });
  if (wait != row.wait) {
    wait = front.Has(kBarrier) ? open_->RelationClaim(front.relation)
                               : open_->BarrierClaim(front.relation);
  }
  return wait == row.wait;
}

// Parked groups whose claim has let go of them.
void ClaimEngine::LookAtWaiting() {
  for (size_t i = 0; i < open_->size(); i++) open_->at(i)->open_before = open_->at(i)->open;
  for (int64_t after = 0; after >= 0;) after = LookAtWaitingAfter(after);
  EvaluateBarriers();
}

// The same for those that wait for claims with greater numbers. Returns where to go on behind a
// claim with a great many of them that nothing has happened to; -1: there are no more.
//
// When none of a claim's groups was found free, the claim remembers of how many settled positions
// that was said, before the first of them was asked. As long as there are no more than these, none
// of the groups is free, nor is one that another receive has parked since.
int64_t ClaimEngine::LookAtWaitingAfter(int64_t after) {
  int64_t no = 0;
  OpenClaim* claim = nullptr;
  int32_t rows = 0;
  bool all_wait = true;
  bool skip = false;
  auto remember = [&] {
    if (claim != nullptr) claim->waited_open = all_wait ? claim->open_before : -1;
  };
  store_->HeldWaiting(after, [&](const HeldRow& row) {
    if (row.wait != no) {
      remember();
      no = row.wait;
      claim = open_->Find(no);
      rows = 0;
      all_wait = true;
    }
    bool many = ++rows > rules_.many_waiting && claim != nullptr && all_wait;
    skip = many && open_->SettledNoMore(claim);
    if (skip) return false;
    bool waits = StillWaits(row);
    if (!waits) Touch(row.group);
    all_wait = all_wait && waits;
    waits_for_settles_ = waits_for_settles_ || waits;
    return true;
  });
  if (skip) return no;
  remember();
  return -1;
}

int64_t ClaimEngine::NextDue() {
  int64_t due = store_->NextReady(rules_.now);
  held_.ForEachGroup([&](Group* group) {
    HeldChunk* front = group->loaded ? held_.FrontChunk(group) : nullptr;
    if (front != nullptr && front->ready_at > rules_.now && front->ready_at < due) {
      due = front->ready_at;
    }
  });
  for (size_t i = 0; i < open_->size(); i++) {
    const OpenClaim* claim = open_->at(i);
    if (claim->open == 0) continue;
    int64_t at = DueAt(claim);
    if (at < due) due = at;
  }
  return due;
}

}  // namespace sequin
