// The claim algorithm against a reference: random receives, settles, client transactions, expiries,
// extensions and rewinds, interleaved at every read. After every step each entry is in exactly one
// place, and at every delivery order and single holders are checked; in the end everything must
// have been delivered.
#include "queue_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

namespace sequin {
namespace {

constexpr int kBackends = 3;
constexpr int kTransactions = 3;
constexpr int64_t kVisibility = 3;
constexpr int64_t kLookAgain = 250 * 1000;
constexpr int64_t kFirstRequeued = -1000000;

bool HasGroup(const Entry& entry, uint64_t group) {
  return entry.group == group || (entry.Has(kSecondGroup) && entry.second_group == group);
}
bool Conflict(const Entry& a, const Entry& b) {
  if (HasGroup(a, b.group) || (b.Has(kSecondGroup) && HasGroup(a, b.second_group))) return true;
  return (a.Has(kBarrier) || b.Has(kBarrier)) && a.relation == b.relation;
}

struct Options {
  bool two_groups = true;
  bool barriers = true;
  bool rewinds = true;
  bool leave_open = false;  // transactions stay open in the end
  bool orders = false;      // also no order and strict order
  bool candidates = false;  // entries that are judged when they could be taken
  bool latest = false;      // only the newest of each group
};

class Walk {
 public:
  Walk(uint64_t seed, const Options& options) : random_(seed), options_(options) {
    rules_.latest = options.latest;
    if (options.orders) rules_.order = Random(2) ? OrderMode::kStrict : OrderMode::kNone;
    MakeRoute();
    rules_.visibility = kVisibility;
    rules_.scan_limit = Random(2) ? 3 : 20;
    rules_.look_ahead = 1 + Random(8);
    rules_.many_waiting = Random(3);
    rules_.row_entries = 1 + Random(3);
    rules_.max_in_flight = Random(4) == 0 ? 1 + Random(3) : 0;
    rules_.max_deliver = Random(2) ? 3 : 0;
    rules_.count_expiry = Random(2);
    rules_.bytes_max = Random(4) == 0 ? 100 + Random(1500) : 0;
    for (Backend& backend : backends_) Forget(&backend);
    done_.assign(model_.route.size(), false);
    attempts_.assign(model_.route.size(), 0);
  }

  // Empty: all is well.
  std::string Run(int steps) {
    for (int i = 0; i < steps && failure_.empty(); i++) Step();
    if (failure_.empty()) Drain();
    return failure_.empty() ? "" : failure_ + "\n" + Describe() + trace_;
  }

 private:
  std::string Describe() const {
    std::string text = "scan " + std::to_string(rules_.scan_limit) + " look ahead " +
                       std::to_string(rules_.look_ahead) + " row " +
                       std::to_string(rules_.row_entries) + " in flight " +
                       std::to_string(rules_.max_in_flight) + " bytes " +
                       std::to_string(rules_.bytes_max) + "\n";
    for (const Entry& entry : ordered_) {
      text += "entry " + std::to_string(entry.ord) + " group " + std::to_string(entry.group);
      if (entry.Has(kSecondGroup)) text += "," + std::to_string(entry.second_group);
      if (entry.Has(kBarrier)) text += " barrier";
      text += " relation " + std::to_string(entry.relation) + "\n";
    }
    return text;
  }

  struct Backend {
    std::unique_ptr<TestMemory> memory;
    OpenClaims* open;
  };

  int Random(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }
  void Fail(const std::string& what) {
    if (failure_.empty()) failure_ = what;
  }
  void Trace(const std::string& what) { trace_ += what + "\n"; }

  void MakeRoute() {
    int count = 3 + Random(8);
    int groups = 1 + Random(3);
    for (int i = 0; i < count; i++) {
      Entry entry;
      entry.ord = i;
      entry.seq = 100 + i;
      entry.group = static_cast<uint64_t>(10 + Random(groups));
      entry.relation = 1;
      int kind = Random(10);
      if (kind == 0) {
        entry.group = 20;
        entry.relation = 2;
      } else if (kind <= 2 && options_.two_groups) {
        entry.second_group = static_cast<uint64_t>(10 + Random(3));
        if (entry.second_group != entry.group) {
          entry.flags |= kSecondGroup;
        } else {
          entry.second_group = 0;
        }
      } else if (kind == 3 && options_.barriers) {
        entry.group = 30;
        entry.flags |= kBarrier;
      }
      bool judged = options_.candidates && !entry.Has(kBarrier) && Random(2);
      if (judged) entry.flags |= kCandidate;
      model_.route.push_back(entry);
      ordered_.push_back(InOrder(entry, rules_.order));
    }
  }

  void Forget(Backend* backend) {
    backend->memory = std::make_unique<TestMemory>();
    Memory memory = backend->memory->memory();
    backend->open = new (memory.allocate(memory.home, sizeof(OpenClaims))) OpenClaims(memory, 3);
  }

  // Entries of the route by ordinal, then those that were put back.
  size_t Index(int64_t ord) const {
    return ord >= 0 ? static_cast<size_t>(ord)
                    : model_.route.size() + static_cast<size_t>(ord - kFirstRequeued);
  }

  // ---- the truth
  // ---------------------------------------------------------------------------------

  bool Void(const StoredClaim& claim, int64_t ord) const {
    for (auto& [no, other] : model_.claims) {
      if (other.row.rewind && no > claim.row.no && ord >= other.row.keep) return true;
    }
    return false;
  }
  const StoredSettle* Committed(int64_t no, int32_t pos) const {
    auto it = model_.settles.find({no, pos});
    if (it == model_.settles.end() || it->second.transaction != kNoTransaction) return nullptr;
    return &it->second;
  }
  bool Whole(int64_t no) const {
    const StoredSettle* fence = Committed(no, kFencePos);
    return Committed(no, kWholePos) || (fence && fence->row.outcome == Outcome::kExpired);
  }
  int64_t EndOf(int64_t no) const {
    int64_t end = model_.claims.at(no).row.expires;
    for (auto& [key, settle] : model_.settles) {
      bool extension = key.first == no && key.second <= kFirstExtendPos;
      if (extension && settle.transaction == kNoTransaction) {
        end = std::max(end, settle.row.ready_at);
      }
    }
    return end;
  }
  // Settled by a committed row, whether its entry came back yet or not.
  bool Settled(int64_t no, int32_t pos) const { return Committed(no, pos) || Whole(no); }

  void CheckPlaces() {
    int64_t next = model_.claims.empty() ? 0 : model_.claims.rbegin()->second.row.next_ord;
    for (size_t i = 0; i < ordered_.size(); i++) {
      int64_t ord = ordered_[i].ord;
      if (ord >= static_cast<int64_t>(model_.appended)) continue;
      int held_copies = 0;
      for (auto& [key, row] : model_.held) {
        for (const Entry& entry : model_.HeldEntries(row)) {
          held_copies += entry.ord == ord;
        }
      }
      int expected_copies = ordered_[i].Has(kSecondGroup) ? 2 : 1;
      if (held_copies != 0 && held_copies != expected_copies) {
        return Fail("entry " + std::to_string(ord) + " is held " + std::to_string(held_copies) +
                    " times");
      }
      int in_flight = 0, returning = 0;
      for (auto& [no, claim] : model_.claims) {
        for (size_t pos = 0; pos < claim.entries.size(); pos++) {
          if (claim.entries[pos].ord != ord) continue;
          if (Void(claim, ord)) continue;
          const StoredSettle* own = Committed(no, static_cast<int32_t>(pos));
          in_flight += own == nullptr && !Whole(no);
          returning += own != nullptr && !own->row.absorbed;
        }
      }
      int places = done_[i] + (ord >= next) + (held_copies > 0) + in_flight + returning;
      if (places != 1) {
        return Fail("entry " + std::to_string(ord) + " is in " + std::to_string(places) +
                    " places: done " + std::to_string(done_[i]) + " unread " +
                    std::to_string(ord >= next) + " held " + std::to_string(held_copies) +
                    " in flight " + std::to_string(in_flight) + " returning " +
                    std::to_string(returning));
      }
    }
  }

  // More bytes than allowed are in a claim of one message only.
  void CheckBytes(const StoredClaim& claim) {
    int64_t bytes = 0;
    for (const Entry& entry : claim.entries) bytes += ModelBytes(entry.seq);
    bool too_many = rules_.bytes_max > 0 && bytes > rules_.bytes_max && claim.entries.size() > 1;
    if (too_many) Fail("claim " + std::to_string(claim.row.no) + " has too many bytes");
  }

  void CheckDelivery(const StoredClaim& claim) {
    CheckBytes(claim);
    for (size_t pos = 0; pos < claim.entries.size(); pos++) {
      const Entry& entry = claim.entries[pos];
      size_t index = Index(entry.ord);
      std::string name =
          "entry " + std::to_string(entry.ord) + " of claim " + std::to_string(claim.row.no);
      if (done_[index]) Fail(name + " was done already");
      if (options_.latest && NewerOf(entry, appended_before_)) Fail(name + " is superseded");
      if (!rules_.count_expiry && entry.attempts != attempts_[index]) Fail(name + ": attempts");
      for (size_t earlier = 0; earlier < ordered_.size(); earlier++) {
        int64_t ord = ordered_[earlier].ord;
        if (ord >= entry.ord || done_[earlier] || !Conflict(ordered_[earlier], entry)) continue;
        bool before_it = false;
        for (size_t i = 0; i < pos; i++) {
          before_it |= claim.entries[i].ord == ord;
        }
        bool barrier = entry.Has(kBarrier) || ordered_[earlier].Has(kBarrier);
        if (!before_it || barrier) Fail(name + " before entry " + std::to_string(ord));
      }
      for (auto& [no, other] : model_.claims) {
        if (no >= claim.row.no) break;
        for (size_t i = 0; i < other.entries.size(); i++) {
          if (Conflict(other.entries[i], entry) && !Settled(no, static_cast<int32_t>(i))) {
            Fail(name + " while claim " + std::to_string(no) + " has its group");
          }
        }
      }
    }
  }

  // ---- clients
  // -----------------------------------------------------------------------------------

  void CommitRow(StoredSettle* settle) {
    settle->transaction = kNoTransaction;
    if (settle->row.outcome != Outcome::kAcked) return;
    const StoredClaim& claim = model_.claims.at(settle->row.no);
    for (size_t pos = 0; pos < claim.entries.size(); pos++) {
      int32_t position = static_cast<int32_t>(pos);
      if (settle->row.pos >= 0 && position != settle->row.pos) continue;
      if (settle->row.pos < 0 && Committed(settle->row.no, position)) continue;
      int64_t ord = claim.entries[pos].ord;
      if (Void(claim, ord)) continue;
      if (done_[Index(ord)]) Fail("entry " + std::to_string(ord) + " was acked twice");
      done_[Index(ord)] = true;
    }
  }

  void InsertSettle(int64_t no, int32_t pos, Outcome outcome, int64_t ready_at, bool absorbed,
                    int transaction) {
    StoredSettle settle;
    settle.row = {no, pos, outcome, absorbed, false, ready_at, {}, model_.next_handle++};
    settle.transaction = transaction;
    model_.settle_handles[settle.row.handle] = {no, pos};
    auto [it, added] = model_.settles.insert({{no, pos}, settle});
    if (!added) return Fail("two settle rows of one position");
    if (transaction == kNoTransaction) CommitRow(&it->second);
  }

  int64_t VoidFrom(int64_t no) const {
    int64_t from = INT64_MAX;
    for (auto& [other, claim] : model_.claims) {
      if (claim.row.rewind && other > no) from = std::min(from, claim.row.keep);
    }
    return from;
  }

  void Settle(int64_t no, std::vector<SettleRequest> requests, int transaction) {
    auto found = model_.claims.find(no);
    if (found == model_.claims.end() || found->second.entries.empty()) return;
    StoredClaim& claim = found->second;
    if (!claim.answered || model_.locked_claims.count(no)) return;
    TestMemory memory;
    Settlement settlement(memory.memory(), claim.row.n, claim.entries.data(), VoidFrom(no));
    for (auto& [key, stored] : model_.settles) {
      if (key.first != no) continue;
      SettleRow row = stored.row;
      row.in_progress = stored.transaction != kNoTransaction && stored.transaction != transaction;
      row.handle = static_cast<uint64_t>(stored.transaction) + 1;
      settlement.See(row);
    }
    if (settlement.MustWaitFor(requests.data(), requests.size()) != 0) return;
    settlement.Decide(requests.data(), requests.size());
    for (const SettleRequest& request : requests) CheckAccepted(claim, request);
    std::string text = "settle " + std::to_string(no) + (transaction < 0 ? "" : " open");
    for (SettleInsert& insert : settlement.inserts()) {
      text += " " + std::to_string(insert.pos) + static_cast<char>(insert.outcome);
      InsertSettle(no, insert.pos, insert.outcome, insert.ready_at,
                   insert.outcome == Outcome::kAcked, transaction);
    }
    Trace(text);
  }

  // No ack may be accepted for an entry whose earlier neighbour was taken back.
  void CheckAccepted(const StoredClaim& claim, const SettleRequest& request) {
    if (request.outcome != Outcome::kAcked || request.result != SettleResult::kDone) return;
    for (int32_t pos = 0; pos < request.pos; pos++) {
      const Entry& earlier = claim.entries[static_cast<size_t>(pos)];
      if (!Conflict(earlier, claim.entries[static_cast<size_t>(request.pos)])) continue;
      const StoredSettle* own = Committed(claim.row.no, pos);
      bool back = own != nullptr && own->row.outcome != Outcome::kAcked;
      if (back && !done_[Index(earlier.ord)]) Fail("ack after a take-back");
    }
  }

  void RandomSettle() {
    if (model_.claims.empty()) return;
    int64_t newest = model_.claims.rbegin()->first;
    int64_t no = newest - Random(6);
    auto found = model_.claims.find(no);
    if (found == model_.claims.end() || found->second.entries.empty()) return;
    int n = static_cast<int>(found->second.entries.size());
    int transaction = Random(2) ? kNoTransaction : Random(kTransactions);
    std::vector<SettleRequest> requests;
    int how = Random(12);
    if (how < 4) {
      for (int pos = 0; pos < n; pos++) requests.push_back({pos, Outcome::kAcked, 0, {}, {}});
    } else {
      Outcome outcome = how == 4   ? Outcome::kReleased
                        : how == 5 ? Outcome::kDead
                        : how <= 7 ? Outcome::kNacked
                                   : Outcome::kAcked;
      int count = 1 + (Random(4) == 0);
      for (int i = 0; i < count; i++) {
        int64_t ready = Random(2) ? kAtOnce : now_ + Random(3);
        requests.push_back({Random(n), outcome, ready, {}, {}});
      }
    }
    Settle(no, requests, transaction);
  }

  void EndTransaction(int transaction, bool commit) {
    bool any = false;
    for (auto it = model_.settles.begin(); it != model_.settles.end();) {
      auto here = it++;
      if (here->second.transaction != transaction) continue;
      any = true;
      if (!commit) {
        model_.settles.erase(here);
      }
    }
    if (any) Trace((commit ? "commit " : "rollback ") + std::to_string(transaction));
    if (!commit) return;
    // Rows of one transaction appear at once.
    std::vector<StoredSettle*> rows;
    for (auto& [key, row] : model_.settles) {
      if (row.transaction == transaction) rows.push_back(&row);
    }
    for (StoredSettle* row : rows) row->transaction = kNoTransaction;
    for (StoredSettle* row : rows) CommitRow(row);
  }

  void Extend() {
    if (model_.claims.empty()) return;
    int64_t no = model_.claims.rbegin()->first - Random(4);
    auto found = model_.claims.find(no);
    if (found == model_.claims.end() || !found->second.answered || Committed(no, kFencePos)) return;
    if (model_.locked_claims.count(no)) return;
    int32_t pos = kFirstExtendPos;
    while (model_.settles.count({no, pos})) pos--;
    InsertSettle(no, pos, Outcome::kExtended, now_ + kVisibility, true,
                 Random(3) ? kNoTransaction : Random(kTransactions));
    Trace("extend " + std::to_string(no));
  }

  // What others do between two reads of a receive.
  void Disturb() {
    if (!disturb_ || Random(12) != 0) return;
    int what = Random(10);
    if (what < 4) {
      RandomSettle();
    } else if (what < 8) {
      EndTransaction(Random(kTransactions), Random(3) != 0);
    } else if (what == 8) {
      if (model_.appended < model_.route.size()) model_.appended++;
    } else {
      Extend();
    }
  }

  // ---- receivers
  // ---------------------------------------------------------------------------------

  std::string Encode(const Entry* entries, size_t count, int64_t base) {
    std::string bytes;
    EntryWriter writer(base);
    char buffer[kEntryBytesMax];
    for (size_t i = 0; i < count; i++) bytes.append(buffer, writer.Write(entries[i], buffer));
    return bytes;
  }

  void WriteHeld(HeldQueues* queues) {
    queues->ForEachGroup([&](Group* group) {
      queues->ForEachChunk(group, [&](HeldChunk* chunk) {
        if (!chunk->stored || (chunk->count > 0 && !chunk->changed)) return;
        if (model_.held.erase(model_.held_handles.at(chunk->handle)) != 1) Fail("held row lost");
      });
      queues->ForEachChunk(group, [&](HeldChunk* chunk) {
        if (chunk->count == 0 || !chunk->changed) return;
        StoredHeld held;
        int64_t ord = chunk->front().ord;
        held.bytes = Encode(&chunk->front(), static_cast<size_t>(chunk->count), ord);
        held.row = {
            group->hash, ord, chunk->relation,     chunk->barrier, chunk->ready_at, chunk->wait,
            {},          {},  model_.next_handle++};
        model_.held_handles[held.row.handle] = {group->hash, ord};
        if (!model_.held.insert({{group->hash, ord}, held}).second) Fail("two held rows, one key");
      });
    });
  }

  void Write(ClaimEngine* engine, bool answered) {
    for (uint64_t handle : engine->absorbed()) {
      StoredSettle& settle = model_.settles.at(model_.settle_handles.at(handle));
      if (settle.row.absorbed) Fail("absorbed twice");
      settle.row.absorbed = true;
      Trace("  absorbed " + std::to_string(settle.row.no) + "/" + std::to_string(settle.row.pos));
      const StoredClaim& claim = model_.claims.at(settle.row.no);
      int64_t ord = claim.entries[static_cast<size_t>(settle.row.pos)].ord;
      bool failed = settle.row.outcome == Outcome::kNacked;
      if (failed && !Void(claim, ord)) attempts_[Index(ord)]++;
    }
    for (const NewSettle& row : engine->new_settles()) {
      Trace("  wrote " + std::to_string(row.no) + "/" + std::to_string(row.pos));
      if (EndOf(row.no) > now_) Fail("claim " + std::to_string(row.no) + " expired too early");
      InsertSettle(row.no, row.pos, row.outcome, kAtOnce, true, kNoTransaction);
    }
    for (int64_t ord : discarded_) {
      if (done_[Index(ord)]) Fail("discarded and done");
      done_[Index(ord)] = true;
    }
    for (const DeadEntry& dead : engine->dead()) {
      if (done_[Index(dead.entry.ord)]) Fail("dead and done");
      done_[Index(dead.entry.ord)] = true;
      letters_.push_back(ordered_[Index(dead.entry.ord)]);
    }
    WriteHeld(&engine->held());
    for (auto& [key, row] : model_.held) {
      Trace("  held " + std::to_string(key.first) + "/" + std::to_string(key.second) + " wait " +
            std::to_string(row.row.wait));
    }
    for (const Draft* draft : engine->drafts()) {
      StoredClaim claim;
      claim.row = draft->row;
      claim.answered = answered;
      size_t n = static_cast<size_t>(draft->row.n);
      claim.entries.assign(draft->entries, draft->entries + n);
      claim.bytes = Encode(draft->entries, n, 0);
      claim.row.entries = {};
      claim.has_list = draft->row.open_claims.data() != nullptr;
      claim.open_claims = std::string(draft->row.open_claims);
      if (!model_.claims.insert({claim.row.no, claim}).second) Fail("two claims, one number");
      std::string text = "  claim " + std::to_string(claim.row.no) + " next " +
                         std::to_string(claim.row.next_ord) + ":";
      for (const Entry& entry : claim.entries) text += " " + std::to_string(entry.ord);
      Trace(text);
      CheckDelivery(claim);
    }
  }

  // Whether there is a newer word on its key among the first `appended` entries.
  bool NewerOf(const Entry& entry, size_t appended) const {
    if (entry.ord < 0 || entry.Has(kBarrier) || entry.Has(kSecondGroup)) return false;
    for (size_t i = static_cast<size_t>(entry.ord) + 1; i < appended; i++) {
      const Entry& other = model_.route[i];
      bool decided = !other.Has(kBarrier) && !other.Has(kCandidate);
      if (decided && HasGroup(other, entry.group)) return true;
    }
    return false;
  }

  bool Superseded(const Entry& entry) {
    if (!NewerOf(entry, model_.appended)) return false;
    Trace("  superseded " + std::to_string(entry.ord));
    discarded_.push_back(entry.ord);
    return true;
  }

  Judgement Judge(const Entry& entry) {
    if (!entry.Has(kCandidate)) Fail("judged without need");
    int what = Random(disturb_ ? 20 : 12);  // in the end all must be decided
    Trace("  judged " + std::to_string(entry.ord) + ": " + std::to_string(what));
    if (what >= 8 && what < 12) discarded_.push_back(entry.ord);
    if (what < 8) return {Verdict::kTake};
    if (what < 12) return {Verdict::kDiscard};
    if (what < 15) return {Verdict::kLater, now_ + 1 + Random(3)};
    if (what < 18) return {Verdict::kDead, kAtOnce, "failed"};
    return {Verdict::kStop};
  }

  enum class End { kAnswered, kAnswerLost, kAborted };

  void WithEngine(Backend* backend, const std::function<void(ClaimEngine*)>& body, End end) {
    model_.locked_claims.clear();
    TestMemory memory;
    ModelStore store(&model_, &random_, [this] { Disturb(); });
    discarded_.clear();
    store.judge = [this](const Entry& entry) { return Judge(entry); };
    store.superseded = [this](const Entry& entry) { return Superseded(entry); };
    appended_before_ = model_.appended;
    backend->open->Refresh(&store);
    rules_.now = now_;
    Memory home = memory.memory();
    auto* engine = new (home.allocate(home.home, sizeof(ClaimEngine)))
        ClaimEngine(&store, backend->open, home, rules_);
    engine->Begin();
    body(engine);
    engine->Finish();
    if (!store.damage.empty()) Fail("damaged: " + store.damage);
    if (end == End::kAborted) {
      Trace("  aborted");
      Forget(backend);
    } else {
      Write(engine, end == End::kAnswered);
    }
    model_.locked_claims.clear();
  }

  // ---- what a receive with room for all must have taken

  bool IsOut(const StoredClaim& claim, int32_t pos) const {
    const StoredSettle* own = Committed(claim.row.no, pos);
    return own != nullptr ? !own->row.absorbed : !Whole(claim.row.no);
  }

  // Where it waits for something that is out, or was there before it.
  bool Blocked(const Entry& entry) const {
    for (auto& [no, claim] : model_.claims) {
      for (int32_t pos = 0; pos < claim.row.n; pos++) {
        const Entry& other = claim.entries[static_cast<size_t>(pos)];
        bool same = other.ord == entry.ord && !Void(claim, other.ord);
        if ((same || Conflict(other, entry)) && IsOut(claim, pos)) return true;
      }
    }
    for (size_t i = 0; i < ordered_.size(); i++) {
      const Entry& other = ordered_[i];
      if (other.ord >= entry.ord || done_[i] || !Conflict(other, entry)) continue;
      if (!options_.latest || !NewerOf(other, model_.appended)) return true;
    }
    return false;
  }

  bool Ready(const Entry& entry) const {
    for (auto& [key, row] : model_.held) {
      for (const Entry& held : model_.HeldEntries(row)) {
        if (held.ord == entry.ord && row.row.ready_at > now_) return false;
      }
    }
    return true;
  }

  void CheckNothingIsLeft() {
    for (size_t i = 0; i < ordered_.size(); i++) {
      const Entry& entry = ordered_[i];
      if (done_[i] || entry.ord >= static_cast<int64_t>(model_.appended)) continue;
      if (options_.latest && NewerOf(entry, model_.appended)) continue;
      if (Ready(entry) && !Blocked(entry)) {
        Fail("entry " + std::to_string(entry.ord) + " could have been taken");
      }
    }
  }

  // One that nobody disturbs, and that has room for everything.
  void ReceiveAll() {
    if (rules_.order == OrderMode::kStrict || !failure_.empty()) return;
    ClaimRules rules = rules_;
    rules_.max_in_flight = 0;
    rules_.bytes_max = 0;
    rules_.scan_limit = 1000;
    bool disturb = disturb_;
    disturb_ = false;
    Trace("receive all at " + std::to_string(now_));
    WithEngine(
        &backends_[Random(kBackends)], [&](ClaimEngine* engine) { engine->NextClaim(100); },
        End::kAnswered);
    disturb_ = disturb;
    rules_ = rules;
    if (failure_.empty()) CheckNothingIsLeft();
  }

  bool Receive(End end) {
    bool any = false;
    std::vector<int> sizes{1 << Random(3)};
    while (Random(4) == 0) sizes.push_back(1 + Random(3));
    Trace("receive at " + std::to_string(now_));
    WithEngine(
        &backends_[Random(kBackends)],
        [&](ClaimEngine* engine) {
          for (int size : sizes) any |= engine->NextClaim(size) != nullptr;
        },
        end);
    return any;
  }

  void Rewind() {
    int64_t to = Random(static_cast<int>(model_.appended) + 1);
    int64_t next = model_.claims.empty() ? 0 : model_.claims.rbegin()->second.row.next_ord;
    bool skip = Random(2);
    Trace("rewind to " + std::to_string(to) + (skip ? " skip" : ""));
    WithEngine(
        &backends_[Random(kBackends)],
        [&](ClaimEngine* engine) {
          next = engine->next_ord();
          engine->Rewind(to, skip);
        },
        End::kAnswerLost);
    for (int64_t ord = 0; ord < static_cast<int64_t>(model_.route.size()); ord++) {
      size_t i = static_cast<size_t>(ord);
      if (ord >= to) {
        done_[i] = false;
        attempts_[i] = 0;
      } else if (to > next || (to == next && skip)) {
        done_[i] = true;
      }
    }
    bool all = to > next || (to == next && skip);
    for (size_t i = model_.route.size(); all && i < done_.size(); i++) done_[i] = true;
  }

  // Puts a dead letter back: a new entry before all of the route.
  void Requeue() {
    if (letters_.empty()) return;
    size_t which = static_cast<size_t>(Random(static_cast<int>(letters_.size())));
    Entry entry = letters_[which];
    letters_.erase(letters_.begin() + static_cast<std::ptrdiff_t>(which));
    entry.attempts = entry.deliveries = 0;
    if (entry.ord >= 0) {
      entry.ord = kFirstRequeued + static_cast<int64_t>(ordered_.size() - model_.route.size());
      entry.seq = -1 - entry.ord;
      entry = InOrder(entry, rules_.order);
      ordered_.push_back(entry);
      done_.push_back(false);
      attempts_.push_back(0);
    }
    done_[Index(entry.ord)] = false;
    attempts_[Index(entry.ord)] = 0;
    Trace("requeue " + std::to_string(entry.ord));
    WithEngine(
        &backends_[Random(kBackends)], [&](ClaimEngine* engine) { engine->Requeue(entry); },
        End::kAnswerLost);
  }

  void Step() {
    int what = Random(100);
    if (what < 5) {
      ReceiveAll();
    } else if (what < 40) {
      int end = Random(20);
      Receive(end == 0 ? End::kAborted : end == 1 ? End::kAnswerLost : End::kAnswered);
    } else if (what < 50) {
      if (model_.appended < model_.route.size()) model_.appended++;
    } else if (what < 60) {
      now_++;
    } else if (what < 82) {
      RandomSettle();
    } else if (what < 93) {
      EndTransaction(Random(kTransactions), Random(3) != 0);
    } else if (what < 97) {
      Extend();
    } else if (Random(2)) {
      Requeue();
    } else if (options_.rewinds) {
      Rewind();
    }
    if (failure_.empty()) CheckPlaces();
  }

  // ---- the end
  // -----------------------------------------------------------------------------------

  // Entries that may stand still because an open transaction has settled something before them.
  std::vector<bool> Stopped() {
    std::vector<bool> stopped(ordered_.size(), false);
    for (auto& [key, row] : model_.settles) {
      if (row.transaction == kNoTransaction) continue;
      const StoredClaim& claim = model_.claims.at(key.first);
      for (size_t pos = 0; pos < claim.entries.size(); pos++) {
        bool whole = key.second < 0;
        if (whole || static_cast<int32_t>(pos) == key.second) {
          stopped[Index(claim.entries[pos].ord)] = true;
        }
      }
    }
    for (bool more = true; more;) {
      more = false;
      for (size_t a = 0; a < stopped.size(); a++) {
        for (size_t b = 0; b < stopped.size(); b++) {
          if (!stopped[a] || stopped[b]) continue;
          if (!Conflict(ordered_[a], ordered_[b])) continue;
          stopped[b] = more = true;
        }
      }
    }
    return stopped;
  }

  void Drain() {
    Trace("drain");
    disturb_ = false;
    if (!options_.leave_open) {
      for (int i = 0; i < kTransactions; i++) EndTransaction(i, Random(2));
    }
    model_.appended = model_.route.size();
    int64_t first = model_.claims.empty() ? 1 : model_.claims.rbegin()->first + 1;
    for (auto& [no, claim] : model_.claims) claim.answered = false;
    // With all transactions open for ever, max_in_flight may be used up by what they settle.
    if (options_.leave_open) rules_.max_in_flight = 0;
    for (int round = 0; round < 80 && failure_.empty(); round++) {
      now_ += round % 4 == 3 ? kLookAgain + 1 : 1;
      Receive(End::kAnswered);
      for (auto& [no, claim] : model_.claims) {
        if (no < first || claim.entries.empty()) continue;
        std::vector<SettleRequest> requests;
        for (int32_t pos = 0; pos < claim.row.n; pos++) {
          requests.push_back({pos, Outcome::kAcked, 0, {}, {}});
        }
        Settle(no, requests, kNoTransaction);
      }
      if (failure_.empty()) CheckPlaces();
      std::vector<bool> stopped = Stopped();
      bool all = true;
      for (size_t i = 0; i < done_.size(); i++) all &= done_[i] || stopped[i];
      if (all) return;
    }
    std::string left;
    for (size_t i = 0; i < done_.size(); i++) {
      if (!done_[i]) left += " " + std::to_string(ordered_[i].ord);
    }
    for (auto& [key, row] : model_.held) {
      left += " (held " + std::to_string(key.first) + "/" + std::to_string(key.second) + " wait " +
              std::to_string(row.row.wait) + ")";
    }
    Fail("never delivered:" + left);
  }

  std::mt19937_64 random_;
  Options options_;
  QueueModel model_;
  std::vector<Entry> ordered_;  // the route as the consumer's order makes it
  ClaimRules rules_{};
  Backend backends_[kBackends];
  int64_t now_ = 1000;
  bool disturb_ = true;
  std::vector<bool> done_;
  std::vector<int> attempts_;
  std::vector<Entry> letters_;      // dead
  std::vector<int64_t> discarded_;  // by the engine that runs
  size_t appended_before_ = 0;      // it began
  std::string failure_;
  std::string trace_;
};

// SEQUIN_MODEL_WALKS and SEQUIN_MODEL_SEED make longer runs.
void RunWalks(const Options& options, uint64_t salt) {
  const char* walks = getenv("SEQUIN_MODEL_WALKS");
  const char* seed = getenv("SEQUIN_MODEL_SEED");
  uint64_t count = walks ? strtoull(walks, nullptr, 10) : 1000;
  uint64_t first = seed ? strtoull(seed, nullptr, 10) : 1;
  for (uint64_t i = first; i < first + count; i++) {
    Walk walk(i * 0x9e3779b97f4a7c15u + salt, options);
    std::string failure = walk.Run(20 + static_cast<int>(i % 100));
    ASSERT_EQ(failure, "") << "seed " << i;
  }
}

TEST(ClaimModel, PlainGroups) {
  RunWalks({false, false, false, false}, 1);
}
TEST(ClaimModel, TwoGroupEntries) {
  RunWalks({true, false, false, false}, 2);
}
TEST(ClaimModel, Barriers) {
  RunWalks({true, true, false, false}, 3);
}
TEST(ClaimModel, Rewinds) {
  RunWalks({true, true, true, false}, 4);
}
TEST(ClaimModel, NoOrderAndStrictOrder) {
  RunWalks({true, true, true, false, true}, 6);
}
TEST(ClaimModel, StrictOrderWithTransactionsOpenForEver) {
  RunWalks({true, true, true, true, true}, 7);
}
TEST(ClaimModel, Candidates) {
  RunWalks({true, true, true, false, false, true}, 8);
}
TEST(ClaimModel, CandidatesWithoutOrderAndInStrictOrder) {
  RunWalks({true, true, true, false, true, true}, 9);
}
TEST(ClaimModel, Latest) {
  RunWalks({true, true, false, false, false, false, true}, 10);
}
TEST(ClaimModel, LatestWithRewindsAndCandidates) {
  RunWalks({true, true, true, false, false, true, true}, 11);
}
TEST(ClaimModel, LatestWithTransactionsOpenForEver) {
  RunWalks({true, true, true, true, false, false, true}, 12);
}
TEST(ClaimModel, TransactionsOpenForEver) {
  RunWalks({true, true, true, true}, 5);
}

}  // namespace
}  // namespace sequin
