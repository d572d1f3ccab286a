// Rules of settling (settlement.h).
#include "queue/settlement.h"

#include "pg/planted.h"

namespace sequin {

Settlement::Settlement(Memory memory, int32_t n, const Entry* entries, int64_t void_from)
    : memory_(memory), n_(n), entries_(entries), void_from_(void_from), inserts_(memory) {
  size_t count = static_cast<size_t>(n);
  states_ = memory.NewArray<State>(count);
  owners_ = memory.NewArray<uint64_t>(count);
  for (size_t i = 0; i < count; i++) states_[i] = State::kNone;
}

void Settlement::See(const SettleRow& row) {
  if (row.pos < lowest_pos_) lowest_pos_ = row.pos;
  if (row.pos >= n_) return;
  if (row.pos >= 0) {
    states_[row.pos] = row.in_progress                  ? State::kInProgress
                       : row.outcome == Outcome::kAcked ? State::kAcked
                                                        : State::kGivenBack;
    owners_[row.pos] = row.handle;
  } else if (row.pos == kWholePos) {
    if (row.in_progress) {
      whole_in_progress_ = row.handle;
    } else {
      whole_ = true;
    }
  } else if (row.pos == kFencePos) {
    fenced_ = true;
  } else if (row.ready_at > extended_to_) {
    extended_to_ = row.ready_at;
  }
}

// Positions after `pos` that go back with it: linked by groups, through such as go back themselves.
template <typename Visit>
void Settlement::Closure(int32_t pos, Visit&& visit) {
  HashMap<bool> groups(memory_);
  auto add = [&](const Entry& entry) {
    *groups.Put(entry.group) = true;
    if (entry.Has(kSecondGroup)) *groups.Put(entry.second_group) = true;
  };
  const Entry& first = entries_[pos];
  add(first);
  for (int32_t later = pos + 1; later < n_; later++) {
    const Entry& entry = entries_[later];
    bool linked = groups.Find(entry.group) != nullptr ||
                  (entry.Has(kSecondGroup) && groups.Find(entry.second_group) != nullptr) ||
                  (first.Has(kBarrier) && entry.relation == first.relation);
    if (!linked) continue;
    if (states_[later] == State::kNone) add(entry);
    visit(later);
  }
}

uint64_t Settlement::MustWaitFor(const SettleRequest* requests, size_t count) {
  uint64_t owner = 0;
  auto look = [&](int32_t pos) {
    if (owner != 0) return;
    if (states_[pos] == State::kInProgress) owner = owners_[pos];
    // The row of the whole claim says nothing about positions that have their own.
    if (states_[pos] == State::kNone) owner = whole_in_progress_;
  };
  for (size_t i = 0; i < count && owner == 0; i++) {
    const SettleRequest& request = requests[i];
    if (request.pos >= n_) continue;
    look(request.pos);
    bool gives_back = request.outcome != Outcome::kAcked && states_[request.pos] == State::kNone;
    if (gives_back && !whole_ && !fenced_) Closure(request.pos, look);
  }
  return owner;
}

// Whether the requests are acks of everything that has no row, and are accepted.
bool Settlement::CoversAll(const SettleRequest* requests, size_t count) const {
  if (Planted("whole_claim_acked")) return requests[0].outcome == Outcome::kAcked && !whole_;
  if (partial_ || whole_ || fenced_) return false;
  bool* named = memory_.NewArray<bool>(static_cast<size_t>(n_));
  memset(named, 0, static_cast<size_t>(n_));
  for (size_t i = 0; i < count; i++) {
    if (requests[i].outcome != Outcome::kAcked) return false;
    if (requests[i].pos < n_) named[requests[i].pos] = true;
  }
  bool any = false;
  for (int32_t pos = 0; pos < n_; pos++) {
    if (states_[pos] == State::kInProgress) return false;
    if (states_[pos] != State::kNone) continue;
    if (!named[pos] || Void(pos)) return false;
    any = true;
  }
  return any;
}

SettleResult Settlement::Peek(int32_t pos) const {
  if (pos >= n_) return SettleResult::kUnknown;
  bool own = states_[pos] != State::kNone;
  if (own || whole_ || fenced_) {
    bool acked = own ? states_[pos] == State::kAcked : whole_;
    return acked ? SettleResult::kAlready : SettleResult::kStale;
  }
  return Void(pos) ? SettleResult::kStale : SettleResult::kDone;
}

void Settlement::DecideOne(SettleRequest* request, bool whole) {
  int32_t pos = request->pos;
  request->result = Peek(pos);
  if (Planted("stale_accepted") && pos < n_ && request->outcome == Outcome::kAcked) {
    request->result = SettleResult::kDone;
  }
  if (pos >= n_ || states_[pos] != State::kNone || whole_ || fenced_) return;
  // An ack that is refused must not look like one that was accepted when it is repeated.
  bool refused = Void(pos) && request->outcome == Outcome::kAcked;
  Outcome outcome = refused ? Outcome::kTaken : request->outcome;
  states_[pos] = outcome == Outcome::kAcked ? State::kAcked : State::kGivenBack;
  if (!whole) inserts_.push({pos, outcome, request->ready_at, request->error});
}

void Settlement::Decide(SettleRequest* requests, size_t count) {
  bool whole = CoversAll(requests, count);
  for (size_t i = 0; i < count; i++) DecideOne(&requests[i], whole);
  if (whole) inserts_.push({kWholePos, Outcome::kAcked, kAtOnce, {}});
  size_t named = inserts_.size();
  for (size_t i = 0; i < named; i++) {
    if (inserts_[i].outcome == Outcome::kAcked || inserts_[i].outcome == Outcome::kTaken) continue;
    if (Planted("later_not_taken_back")) break;
    Closure(inserts_[i].pos, [&](int32_t later) {
      if (states_[later] != State::kNone) return;
      states_[later] = State::kGivenBack;
      inserts_.push({later, Outcome::kTaken, kAtOnce, {}});
    });
  }
}

}  // namespace sequin
