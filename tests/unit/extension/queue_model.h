// A small model of the queue's tables for random tests: rows with transactions, in memory.
#pragma once

#include <cstdlib>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "queue/claim_engine.h"
#include "queue/settlement.h"

namespace sequin {

constexpr int kNoTransaction = -1;

// How large messages are.
inline int64_t ModelBytes(int64_t seq) {
  return 100 + seq % 7 * 100;
}

// Memory that is given back all at once.
class TestMemory {
 public:
  ~TestMemory() {
    for (void* block : blocks_) free(block);
  }
  Memory memory() {
    return {this,
            [](void* home, size_t bytes) {
              void* block = malloc(bytes ? bytes : 1);
              static_cast<TestMemory*>(home)->blocks_.insert(block);
              return block;
            },
            [](void* home, void* block) {
              static_cast<TestMemory*>(home)->blocks_.erase(block);
              free(block);
            }};
  }

 private:
  std::set<void*> blocks_;
};

struct StoredClaim {
  ClaimRow row;
  std::string bytes;
  std::string open_claims;
  bool has_list = false;
  std::vector<Entry> entries;
  bool answered = false;
};

struct StoredSettle {
  SettleRow row;
  std::string error;
  bool has_error = false;
  int transaction = kNoTransaction;  // that has not ended
};

struct StoredHeld {
  HeldRow row;
  std::string bytes;
  std::string error;
  bool has_error = false;
};

using SettleKey = std::pair<int64_t, int32_t>;  // no, pos
using HeldKey = std::pair<uint64_t, int64_t>;   // group, ord

struct QueueModel {
  std::vector<Entry> route;
  size_t appended = 0;
  std::map<int64_t, StoredClaim> claims;
  std::map<SettleKey, StoredSettle> settles;
  std::map<HeldKey, StoredHeld> held;
  std::set<int64_t> locked_claims;  // by the receive that runs
  uint64_t next_handle = 1;

  std::map<uint64_t, HeldKey> held_handles;
  std::map<uint64_t, SettleKey> settle_handles;

  std::vector<Entry> HeldEntries(const StoredHeld& held_row) const {
    std::vector<Entry> entries;
    EntryReader reader(held_row.bytes.data(), held_row.bytes.size(), held_row.row.ord);
    for (Entry entry; reader.Read(&entry);) entries.push_back(entry);
    return entries;
  }
};

// The model as the algorithm reads it. Between any two reads others may act: `disturb`.
class ModelStore final : public QueueStore {
 public:
  ModelStore(QueueModel* model, std::mt19937_64* random, std::function<void()> disturb)
      : model_(model), random_(random), disturb_(std::move(disturb)) {}

  std::string damage;  // what Damaged was called for
  std::function<Judgement(const Entry&)> judge;
  std::function<bool(const Entry&)> superseded;

  bool NewestClaim(VisitClaim visit) override {
    disturb_();
    if (model_->claims.empty()) return false;
    visit(View(model_->claims.rbegin()->second));
    return true;
  }

  void ClaimsFrom(int64_t no, VisitClaim visit) override {
    disturb_();
    for (auto it = model_->claims.lower_bound(no); it != model_->claims.end(); ++it) {
      if (!visit(View(it->second))) return;
    }
  }

  bool ClaimNumber(int64_t no, VisitClaim visit) override {
    auto found = model_->claims.find(no);
    if (found == model_->claims.end()) return false;
    visit(View(found->second));
    return true;
  }

  void Settles(int64_t no, int32_t from_pos, int32_t to_pos, VisitSettle visit) override {
    disturb_();
    VisitAll(
        [&](const StoredSettle& row) {
          return row.transaction == kNoTransaction && row.row.no == no && row.row.pos >= from_pos &&
                 row.row.pos <= to_pos;
        },
        visit);
  }

  void DirtySettles(int64_t no, VisitSettle visit) override {
    disturb_();
    VisitAll([&](const StoredSettle& row) { return row.row.no == no; }, visit);
  }

  void Returned(VisitSettle visit) override {
    disturb_();
    VisitAll(
        [&](const StoredSettle& row) {
          return row.transaction == kNoTransaction && !row.row.absorbed;
        },
        visit);
  }

  bool TryLockClaim(int64_t no) override {
    if ((*random_)() % 16 == 0) return false;  // a settler has it
    model_->locked_claims.insert(no);
    return true;
  }

  int64_t NewNonce() override { return static_cast<int64_t>((*random_)() >> 6); }

  void HeldAfter(uint64_t group, int64_t ord, VisitHeld visit) override {
    VisitHeldRows([&](const HeldRow& row) { return row.group == group && row.ord > ord; }, visit);
  }
  void HeldLast(uint64_t group, VisitHeld visit) override {
    const StoredHeld* last = nullptr;
    for (auto& [key, row] : model_->held) {
      if (key.first == group) last = &row;
    }
    if (last != nullptr) visit(View(*last));
  }
  void HeldAll(VisitHeld visit) override {
    VisitHeldRows([](const HeldRow&) { return true; }, visit);
  }
  void HeldBarriers(VisitHeld visit) override {
    VisitHeldRows([](const HeldRow& row) { return row.barrier; }, visit);
  }
  void HeldOfRelation(uint32_t relation, bool barriers, VisitHeld visit) override {
    std::map<int64_t, const StoredHeld*> by_ord;
    for (auto& [key, row] : model_->held) {
      if (row.row.relation == relation && row.row.barrier == barriers) by_ord[key.second] = &row;
    }
    for (auto& [ord, row] : by_ord) {
      if (!visit(View(*row))) return;
    }
  }
  void HeldWaiting(int64_t after, VisitHeld visit) override {
    std::multimap<int64_t, const StoredHeld*> by_wait;
    for (auto& [key, row] : model_->held) {
      if (row.row.wait > after) by_wait.emplace(row.row.wait, &row);
    }
    for (auto& [wait, row] : by_wait) {
      if (!visit(View(*row))) return;
    }
  }
  bool NextCandidate(bool delayed, int64_t now, VisitHeld visit) override {
    auto& state = candidates_[delayed];
    if (!state.started) {
      state.started = true;
      for (auto& [key, row] : model_->held) {
        bool is_delayed = row.row.ready_at != kAtOnce;
        if (row.row.wait == 0 && is_delayed == delayed && row.row.ready_at <= now) {
          state.keys.push_back(key);
        }
      }
    }
    if (state.at == state.keys.size()) return false;
    visit(View(model_->held.at(state.keys[state.at++])));
    return true;
  }
  int64_t NextReady(int64_t now) override {
    int64_t ready = INT64_MAX;
    for (auto& [key, row] : model_->held) {
      bool later = row.row.wait == 0 && row.row.ready_at > now;
      if (later && row.row.ready_at < ready) ready = row.row.ready_at;
    }
    return ready;
  }

  void SeekRoute(int64_t ord) override { route_at_ = static_cast<size_t>(ord); }
  bool NextRoute(Entry* entry) override {
    disturb_();
    if (route_at_ >= model_->appended) return false;
    *entry = model_->route[route_at_++];
    return true;
  }
  int64_t EntryBytes(int64_t seq) override { return ModelBytes(seq); }
  Judgement Judge(const Entry& entry) override { return judge(entry); }
  bool Superseded(const Entry& entry) override { return superseded(entry); }
  void CheckInterrupts() override {}
  void Damaged(const char* where, int64_t) override { damage = where; }

 private:
  ClaimRow View(StoredClaim& claim) {
    claim.row.entries = claim.bytes;
    claim.row.open_claims = {};
    if (claim.has_list)
      claim.row.open_claims = {claim.open_claims.data(), claim.open_claims.size()};
    return claim.row;
  }
  HeldRow View(const StoredHeld& held) {
    HeldRow row = held.row;
    row.entries = held.bytes;
    if (held.has_error) row.error = held.error;
    return row;
  }
  // Rows may change while they are visited: what is visited was there when the scan began.
  template <typename Match>
  void VisitAll(Match match, VisitSettle visit) {
    std::vector<StoredSettle> rows;
    for (auto& [key, row] : model_->settles) {
      if (match(row)) rows.push_back(row);
    }
    for (StoredSettle& stored : rows) {
      SettleRow row = stored.row;
      row.in_progress = stored.transaction != kNoTransaction;
      if (row.in_progress) row.handle = static_cast<uint64_t>(stored.transaction) + 1;
      if (stored.has_error) row.error = stored.error;
      if (!visit(row)) return;
    }
  }
  template <typename Match>
  void VisitHeldRows(Match match, VisitHeld visit) {
    for (auto& [key, row] : model_->held) {
      if (match(row.row) && !visit(View(row))) return;
    }
  }

  struct Candidates {
    bool started = false;
    std::vector<HeldKey> keys;
    size_t at = 0;
  };

  QueueModel* model_;
  std::mt19937_64* random_;
  std::function<void()> disturb_;
  Candidates candidates_[2];
  size_t route_at_ = 0;
};

}  // namespace sequin
