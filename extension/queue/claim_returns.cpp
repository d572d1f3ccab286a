// The claim algorithm: what comes back from settled and expired claims (claim_engine.h).
#include "queue/claim_engine.h"

#include "pg/planted.h"

namespace sequin {

// An expired claim that cannot be finished, since a settle of it is undecided, is looked at again.
static constexpr int64_t kLookAgainMicros = 250 * 1000;

static uint16_t OneMore(uint16_t count) {
  return count == UINT16_MAX ? count : count + 1;
}

void ClaimEngine::Park(const Entry& entry) {
  if (entry.Has(kBarrier)) barriers_.push({entry.relation, entry.group, entry.ord});
  held_.Append(Touch(entry.group), entry);
  if (!entry.Has(kSecondGroup)) return;
  Entry shadow = entry;
  shadow.flags |= kShadow;
  held_.Append(Touch(entry.second_group), shadow);
}

void ClaimEngine::PutBack(const Entry& entry, int64_t ready_at, std::string_view error) {
  if (entry.Has(kBarrier)) barriers_.push({entry.relation, entry.group, entry.ord});
  held_.Insert(Touch(entry.group), entry, ready_at, error);
  if (!entry.Has(kSecondGroup)) return;
  Entry shadow = entry;
  shadow.flags |= kShadow;
  held_.Insert(Touch(entry.second_group), shadow, ready_at, error);
}

// Position `pos` is over without having been accepted, after `attempts` failed ones in all.
void ClaimEngine::GiveBack(OpenClaim* claim, int32_t pos, int32_t attempts, int64_t ready_at,
                           std::string_view error, bool rejected, bool delivered) {
  Entry entry = claim->entries[pos];
  ForGroups(entry, [&](Group* group) { Touch(group->hash); });
  if (open_->Void(claim->no, entry.ord)) return;
  bool failed = attempts > entry.attempts;
  if (delivered) entry.deliveries = OneMore(entry.deliveries);
  if (failed) entry.attempts = OneMore(entry.attempts);
  int32_t attempts_max = rules_.max_deliver - (Planted("dead_too_early") ? 1 : 0);
  bool exhausted = failed && rules_.max_deliver > 0 && entry.attempts >= attempts_max;
  if (rejected || exhausted) {
    if (Planted("dead_letter_lost")) return;
    if (Planted("dead_letter_twice")) PutBack(entry, ready_at, error);
    dead_.push({entry, rejected ? DeathCause::kRejected : DeathCause::kExhausted, error});
  } else {
    if (!(Planted("returned_lost") && entry.ord % 64 == 0)) PutBack(entry, ready_at, error);
  }
}

// ---- settled -----------------------------------------------------------------------------------

void ClaimEngine::Absorb() {
  int64_t locked_no = 0;
  bool locked = false;
  store_->Returned([&](const SettleRow& row) {
    if (row.no != locked_no) {
      if (claim_locks_ == kClaimLocksMax) return false;
      locked_no = row.no;
      locked = store_->TryLockClaim(row.no);
      claim_locks_++;
    }
    OpenClaim* claim = locked ? open_->Find(row.no) : nullptr;
    if (claim == nullptr || row.pos < 0) return true;
    if (row.pos >= claim->n) store_->Damaged("settle", row.no);
    AbsorbRow(claim, row);
    return true;
  });
}

void ClaimEngine::AbsorbRow(OpenClaim* claim, const SettleRow& row) {
  absorbed_.push(row.handle);
  open_->MarkSettled(claim, row.pos);
  int32_t attempts = claim->entries[row.pos].attempts;
  std::string_view error = row.error;
  if (error.data() != nullptr) {
    char* copy = memory_.NewArray<char>(error.size());
    if (!error.empty()) memcpy(copy, error.data(), error.size());
    error = {copy, error.size()};
  }
  switch (row.outcome) {
    case Outcome::kNacked:
      return GiveBack(claim, row.pos, attempts + 1, row.ready_at, error, false);
    case Outcome::kDead:
      return GiveBack(claim, row.pos, attempts + 1, kAtOnce, error, true);
    default:
      return GiveBack(claim, row.pos, attempts, kAtOnce, {}, false,
                      row.outcome != Outcome::kUnsent);
  }
}

// ---- expired -----------------------------------------------------------------------------------

// What stands about a claim, rows of unfinished transactions included, read under its lock.
struct ClaimEngine::ClaimView {
  bool* has_row;
  bool any_in_progress = false;
  bool undecided = false;  // the whole claim may be settled, or extended, in a moment
  bool whole = false;      // settled as a whole, or expired so
  bool fenced = false;
};

// When the claim is to be looked at.
int64_t ClaimEngine::DueAt(const OpenClaim* claim) const {
  int64_t at = EndOf(claim);
  bool put_off = claim->look_again > at && claim->look_again - rules_.now <= kLookAgainMicros;
  return put_off ? claim->look_again : at;
}

void ClaimEngine::Expire() {
  for (size_t i = 0; i < open_->size(); i++) {
    OpenClaim* claim = open_->at(i);
    if (claim->open == 0 || DueAt(claim) > rules_.now) continue;
    // Most are settled by now, only nobody has looked.
    if (open_->Settled(claim, claim->first_open) && claim->open == 0) continue;
    if (claim_locks_ == kClaimLocksMax) return;
    claim_locks_++;
    if (store_->TryLockClaim(claim->no)) ExpireClaim(claim);
  }
}

ClaimEngine::ClaimView ClaimEngine::ViewClaim(OpenClaim* claim) {
  ClaimView view;
  size_t n = static_cast<size_t>(claim->n);
  view.has_row = memory_.NewArray<bool>(n);
  memset(view.has_row, 0, n);
  store_->DirtySettles(claim->no, [&](const SettleRow& row) {
    if (row.pos >= claim->n) store_->Damaged("settle", row.no);
    if (row.pos >= 0) {
      view.has_row[row.pos] = true;
      view.any_in_progress |= row.in_progress;
    } else if (row.in_progress) {
      view.undecided = true;
    } else if (row.pos <= kFirstExtendPos) {
      if (row.ready_at > claim->expires) claim->expires = row.ready_at;
    } else {
      view.whole |= row.pos == kWholePos || row.outcome == Outcome::kExpired;
      view.fenced |= row.pos == kFencePos;
    }
    return true;
  });
  return view;
}

void ClaimEngine::ExpireClaim(OpenClaim* claim) {
  ClaimView view = ViewClaim(claim);
  if (view.undecided || view.any_in_progress) claim->look_again = rules_.now + kLookAgainMicros;
  if (view.undecided || view.whole || EndOf(claim) > rules_.now) return;
  bool any = ExpirePositions(claim, view);
  if (view.fenced || Planted("expiry_unfenced")) return;
  // With nothing undecided one row says it for all positions without an own row.
  bool for_all = any && !view.any_in_progress;
  new_settles_.push({claim->no, kFencePos, for_all ? Outcome::kExpired : Outcome::kFence});
}

bool ClaimEngine::ExpirePositions(OpenClaim* claim, const ClaimView& view) {
  bool any = false;
  bool single = view.fenced || view.any_in_progress;
  HashMap<bool> seen(memory_);
  for (int32_t pos = 0; pos < claim->n; pos++) {
    if (view.has_row[pos]) continue;
    any = true;
    const Entry entry = claim->entries[pos];
    bool* own = seen.Put(entry.group);
    bool first = !*own;
    *own = true;
    if (entry.Has(kSecondGroup)) {
      bool* second = seen.Put(entry.second_group);
      first = first && !*second;
      *second = true;
    }
    if (single) new_settles_.push({claim->no, pos, Outcome::kExpired});
    open_->MarkSettled(claim, pos);
    bool counts = rules_.count_expiry && first;
    GiveBack(claim, pos, entry.attempts + (counts ? 1 : 0), kAtOnce,
             counts ? std::string_view("visibility timeout passed") : std::string_view(), false);
  }
  return any;
}

}  // namespace sequin
