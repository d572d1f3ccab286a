// Which claims are open and which groups are busy (open_claims.h).
#include "queue/open_claims.h"

namespace sequin {

// A claim with so few entries is looked at as a whole.
static constexpr int32_t kSmallClaim = 4;

static constexpr size_t kOpenListMax = 20000;

OpenClaims::OpenClaims(Memory memory, int64_t list_every)
    : memory_(memory),
      list_every_(list_every),
      claims_(memory),
      groups_(memory),
      barriers_(memory),
      rewinds_(memory) {}

void OpenClaims::Forget() {
  while (!claims_.empty()) {
    Drop(claims_[claims_.size() - 1]);
    claims_.resize(claims_.size() - 1);
  }
  linked_ = 0;
  barriers_.clear();
  rewinds_.clear();
  known_ = false;
  newest_ = ClaimRow{};
  sweep_at_ = 0;
}

// The newest row known must still be there with its nonce; otherwise its transaction was lost, or
// it is so old that it was deleted, and everything is read again.
bool OpenClaims::Refresh(QueueStore* store) {
  store_ = store;
  pass_++;
  learned_ = 0;
  bool same = false;
  if (known_) {
    int64_t no = newest_.no, nonce = newest_.nonce;
    store->ClaimsFrom(no, [&](const ClaimRow& row) {
      if (!same) {
        same = row.no == no && row.nonce == nonce;
        return same;
      }
      Load(row);
      return true;
    });
    if (same) return true;
    Forget();
  }
  LoadAll();
  return known_;
}

// The newest row is never below its own low_no.
void OpenClaims::LoadAll() {
  int64_t low_no = 0, newest = 0, last_rewind = 0;
  bool any = store_->NewestClaim([&](const ClaimRow& row) {
    low_no = row.low_no;
    newest = row.no;
    last_rewind = row.rewind ? row.no : row.last_rewind;
    return false;
  });
  if (!any) return;
  int64_t from = newest - newest % list_every_;
  if (from > low_no && LoadListed(from)) {
    LoadRewinds(last_rewind, low_no);
  } else {
    from = low_no;
  }
  store_->ClaimsFrom(from, [&](const ClaimRow& row) {
    Load(row);
    return true;
  });
}

// The claims named by the list of row `from`; false: it has none.
bool OpenClaims::LoadListed(int64_t from) {
  Array<int64_t> listed(memory_);
  bool found = false;
  store_->ClaimNumber(from, [&](const ClaimRow& row) {
    found = row.open_claims.data() != nullptr;
    codec::VarintReader reader(row.open_claims.data(), row.open_claims.size());
    int64_t no = 0;
    for (uint64_t step; reader.Read(&step);) {
      no += static_cast<int64_t>(step);
      listed.push(no);
    }
    if (reader.Damaged()) store_->Damaged("claim", from);
    return false;
  });
  for (int64_t no : listed) {
    store_->ClaimNumber(no, [&](const ClaimRow& row) {
      Load(row);
      return false;
    });
  }
  return found;
}

void OpenClaims::LoadRewinds(int64_t newest, int64_t low_no) {
  rewinds_.clear();
  for (int64_t no = newest; no > low_no;) {
    int64_t earlier = 0;
    store_->ClaimNumber(no, [&](const ClaimRow& row) {
      rewinds_.push({row.no, row.keep});
      earlier = row.last_rewind;
      return false;
    });
    no = earlier;
  }
}

std::string_view OpenClaims::ListFor(int64_t no, Memory memory) const {
  if (no % list_every_ != 0 || claims_.size() > kOpenListMax) return {};
  char* bytes = memory.NewArray<char>(claims_.size() * 10);
  char* end = bytes;
  int64_t last = 0;
  for (const OpenClaim* claim : claims_) {
    if (claim->open == 0) continue;
    end = codec::PutVarint(end, static_cast<uint64_t>(claim->no - last));
    last = claim->no;
  }
  return {bytes, static_cast<size_t>(end - bytes)};
}

void OpenClaims::Load(const ClaimRow& row) {
  learned_++;
  if (row.n > 0) {
    Entry* entries = memory_.NewArray<Entry>(static_cast<size_t>(row.n));
    EntryReader reader(row.entries.data(), row.entries.size(), 0);
    int32_t count = 0;
    while (count < row.n && reader.Read(&entries[count])) count++;
    if (count < row.n) store_->Damaged("claim", row.no);
    Add(row, entries);
    memory_.Release(entries);
  } else {
    Add(row, nullptr);
  }
}

void OpenClaims::Add(const ClaimRow& row, const Entry* entries) {
  newest_ = row;
  newest_.entries = {};
  known_ = true;
  if (row.rewind) rewinds_.push({row.no, row.keep});
  if (row.n > 0) claims_.push(Build(row, entries));
}

OpenClaim* OpenClaims::Build(const ClaimRow& row, const Entry* entries) {
  size_t n = static_cast<size_t>(row.n);
  auto* block = static_cast<char*>(memory_.allocate(
      memory_.home, sizeof(OpenClaim) + n * (sizeof(Entry) + 2 * sizeof(int32_t) + 1)));
  auto* claim = new (block) OpenClaim{};
  claim->no = row.no;
  claim->nonce = row.nonce;
  claim->taken_at = row.taken_at;
  claim->expires = row.expires;
  claim->n = claim->open = row.n;
  claim->waited_open = -1;
  claim->has_request = row.has_request;
  memcpy(claim->request, row.request, sizeof(row.request));
  claim->entries = reinterpret_cast<Entry*>(block + sizeof(OpenClaim));
  claim->next = reinterpret_cast<int32_t*>(claim->entries + n);
  claim->settled = reinterpret_cast<bool*>(claim->next + 2 * n);
  memcpy(static_cast<void*>(claim->entries), entries, n * sizeof(Entry));
  memset(claim->settled, 0, n);
  for (int32_t pos = row.n - 1; pos >= 0; pos--) {
    const Entry& entry = claim->entries[pos];
    if (entry.Has(kBarrier)) barriers_.push({entry.relation, row.no, pos});
  }
  return claim;
}

// Groups are linked when somebody asks for one, not when a claim is learned: by then most claims
// of sessions that keep up are settled, which one look tells, and their groups need no link. In
// the order of claims, so that the newest one of a group is what is found.
void OpenClaims::LinkNew() {
  for (; linked_ < claims_.size(); linked_++) {
    if (!Finished(claims_[linked_])) Link(claims_[linked_]);
  }
}

void OpenClaims::Link(OpenClaim* claim) {
  for (int32_t pos = claim->n - 1; pos >= 0; pos--) {
    const Entry& entry = claim->entries[pos];
    LinkGroup(claim, pos, entry.group, &claim->next[2 * pos]);
    if (entry.Has(kSecondGroup)) {
      LinkGroup(claim, pos, entry.second_group, &claim->next[2 * pos + 1]);
    }
  }
  claim->linked = true;
}

void OpenClaims::LinkGroup(OpenClaim* claim, int32_t pos, uint64_t group, int32_t* next) {
  Place* place = groups_.Put(group);
  *next = place->claim == claim ? place->pos : -1;
  *place = Place{claim, pos};
}

OpenClaim* OpenClaims::Find(int64_t no) {
  size_t low = 0, high = claims_.size();
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (claims_[middle]->no < no) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < claims_.size() && claims_[low]->no == no ? claims_[low] : nullptr;
}

OpenClaim* OpenClaims::FindRequest(const uint8_t* request) {
  for (size_t i = claims_.size(); i-- > 0;) {
    OpenClaim* claim = claims_[i];
    if (!claim->has_request || memcmp(claim->request, request, sizeof(claim->request)) != 0) {
      continue;
    }
    for (int32_t pos = claim->first_open; pos < claim->n; pos++) {
      if (!Void(claim->no, claim->entries[pos].ord) && !Settled(claim, pos)) return claim;
    }
  }
  return nullptr;
}

int64_t OpenClaims::LowestOpen() const {
  for (const OpenClaim* claim : claims_) {
    if (claim->open > 0) return claim->no;
  }
  return INT64_MAX;
}

int64_t OpenClaims::BusyClaim(uint64_t group) {
  LinkNew();
  Place* place = groups_.Find(group);
  if (place == nullptr) return 0;
  OpenClaim* claim = place->claim;
  for (int32_t pos = place->pos; pos >= 0;) {
    if (!Settled(claim, pos)) return claim->no;
    pos = claim->next[2 * pos + (claim->entries[pos].group == group ? 0 : 1)];
  }
  groups_.Erase(group);
  return 0;
}

int64_t OpenClaims::RelationClaim(uint32_t relation) {
  for (OpenClaim* claim : claims_) {
    for (int32_t pos = claim->first_open; pos < claim->n; pos++) {
      if (claim->entries[pos].relation == relation && !Settled(claim, pos)) return claim->no;
    }
  }
  return 0;
}

int64_t OpenClaims::BarrierClaim(uint32_t relation) {
  size_t kept = 0;
  int64_t found = 0;
  for (const Barrier& barrier : barriers_) {
    OpenClaim* claim = Find(barrier.no);
    if (claim == nullptr || claim->settled[barrier.pos]) continue;
    if (found == 0 && barrier.relation == relation) {
      if (Settled(claim, barrier.pos)) continue;
      found = claim->no;
    }
    barriers_[kept++] = barrier;
  }
  barriers_.resize(kept);
  return found;
}

bool OpenClaims::Settled(OpenClaim* claim, int32_t pos) {
  if (!claim->settled[pos]) Look(claim, pos);
  return claim->settled[pos];
}

// Reads what may have settled the position: rows of the whole claim once a pass, and its own.
void OpenClaims::Look(OpenClaim* claim, int32_t pos) {
  bool looked = claim->looked_pass == pass_;
  claim->looked_pass = pass_;
  bool small = claim->n <= kSmallClaim;
  if (!looked && LookBetween(claim, kFencePos, small ? claim->n - 1 : kWholePos)) MarkWhole(claim);
  if (!small && !claim->settled[pos]) LookBetween(claim, pos, pos);
}

// Marks positions with an own row; returns whether there is one for all the others.
bool OpenClaims::LookBetween(OpenClaim* claim, int32_t from_pos, int32_t to_pos) {
  bool whole = false;
  store_->Settles(claim->no, from_pos, to_pos, [&](const SettleRow& row) {
    if (row.pos >= claim->n) store_->Damaged("settle", row.no);
    if (row.pos >= 0) {
      if (row.absorbed) MarkSettled(claim, row.pos);
    } else if (row.pos == kWholePos || row.outcome == Outcome::kExpired) {
      whole = true;
    }
    return true;
  });
  return whole;
}

// All positions but those whose own row still waits to be absorbed. A claim of one entry has either
// a row for all or an own one.
void OpenClaims::MarkWhole(OpenClaim* claim) {
  int32_t from = 0;
  auto mark_until = [&](int32_t end) {
    for (; from < end; from++) MarkSettled(claim, from);
  };
  if (claim->n > 1) {
    store_->Settles(claim->no, 0, claim->n - 1, [&](const SettleRow& row) {
      if (row.absorbed) return true;
      mark_until(row.pos);
      from = row.pos + 1;
      return true;
    });
  }
  mark_until(claim->n);
}

void OpenClaims::MarkSettled(OpenClaim* claim, int32_t pos) {
  if (claim->settled[pos]) return;
  claim->settled[pos] = true;
  claim->open--;
  while (claim->first_open < claim->n && claim->settled[claim->first_open]) claim->first_open++;
}

void OpenClaims::MarkAllSettled(OpenClaim* claim) {
  for (int32_t pos = 0; pos < claim->n; pos++) MarkSettled(claim, pos);
}

bool OpenClaims::Void(int64_t claim_no, int64_t ord) const {
  for (const Rewind& rewind : rewinds_) {
    if (rewind.no > claim_no && ord >= rewind.keep) return true;
  }
  return false;
}

// Asks about one open position only: the claim is finished when there is none left.
bool OpenClaims::Finished(OpenClaim* claim) {
  while (claim->open > 0) {
    if (!Settled(claim, claim->first_open)) return false;
  }
  return true;
}

void OpenClaims::Drop(OpenClaim* claim) {
  for (int32_t pos = 0; claim->linked && pos < claim->n; pos++) {
    const Entry& entry = claim->entries[pos];
    for (uint64_t group :
         {entry.group, entry.Has(kSecondGroup) ? entry.second_group : entry.group}) {
      Place* place = groups_.Find(group);
      if (place != nullptr && place->claim == claim) groups_.Erase(group);
    }
  }
  memory_.Release(claim);
}

void OpenClaims::Compact() {
  size_t kept = 0, linked = 0;
  for (size_t i = 0; i < claims_.size(); i++) {
    if (claims_[i]->open == 0) {
      Drop(claims_[i]);
      continue;
    }
    linked += i < linked_;
    claims_[kept++] = claims_[i];
  }
  claims_.resize(kept);
  linked_ = linked;
}

void OpenClaims::Sweep() {
  size_t low = 0;
  while (low < claims_.size() && Finished(claims_[low])) low++;
  bool any = low > 0;
  size_t others = 2 * learned_ + 2;
  for (size_t i = 0; i < others && i + low < claims_.size(); i++) {
    if (sweep_at_ <= low || sweep_at_ >= claims_.size()) sweep_at_ = claims_.size() - 1;
    any |= Finished(claims_[sweep_at_--]);
  }
  if (any) Compact();
}

void OpenClaims::LookAtAll(OpenClaim* claim) {
  if (claim->open > 0 && LookBetween(claim, kFencePos, claim->n - 1)) MarkWhole(claim);
}

bool OpenClaims::SettledNoMore(OpenClaim* claim) {
  if (claim->waited_open < 0 || claim->open != claim->waited_open) return false;
  LookAtAll(claim);
  return claim->open == claim->waited_open;
}

int64_t OpenClaims::InFlight(int64_t limit) {
  auto count = [&] {
    int64_t sum = 0;
    for (const OpenClaim* claim : claims_) sum += claim->open;
    return sum;
  };
  if (count() < limit) return count();
  for (OpenClaim* claim : claims_) LookAtAll(claim);
  return count();
}

}  // namespace sequin
