// Receiving (receive.h).
#include "queue/receive.h"

#include "pg/crash_point.h"
#include "pg/memory.h"
#include "pg/own_writes.h"
#include "pg/planted.h"
#include "queue/answer_buffer.h"
#include "queue/dead_letters.h"
#include "queue/message_row.h"
#include "queue/queue_change.h"
#include "queue/queue_locks.h"
#include "queue/suspension.h"
#include "stream/stream.h"
#include "wake/wake.h"

namespace sequin {

// A receive that finds only entries that must wait looks at so many times scan_limit of them, which
// parks them: a million, after which it ends so that its memory is bounded.
static constexpr int kScanRoundsMax = 50;

// The answer is kept in memory until the commit, in a block of at most 1 GB, and clients must hold
// it as well.
static constexpr size_t kAnswerBytesMax = 256 * 1024 * 1024;

Receiver::Receiver(const Consumer* consumer, const ReceiveRequest& request)
    : consumer_(consumer),
      request_(request),
      look_(NewContext(CurrentMemoryContext, "sequin look")),
      renewed_(NewContext(CurrentMemoryContext, "sequin receiver")),
      judge_(consumer->id),
      latest_(consumer->id, consumer->stream),
      tables_(consumer->id) {
  tables_.set_judge(&judge_);
  if (consumer->latest) tables_.set_latest(&latest_);
}

bool Receiver::TakeBatches(ClaimEngine* engine) {
  bool any = false;
  full_ = true;
  std::span<const int32> batches = request_.batches;
  for (size_t i = 0; i < batches.size(); i++) {
    const Draft* draft = nullptr;
    for (int round = 0; round < kScanRoundsMax && draft == nullptr; round++) {
      draft = engine->NextClaim(batches[i]);
      more_to_scan_ = engine->hit_scan_limit() || judge_.out_of_time();
      if (!more_to_scan_ || engine->stopped()) break;
    }
    claims_.push(draft);
    any |= draft != nullptr;
    full_ &= draft != nullptr && draft->row.n == batches[i];
    if (draft == nullptr) break;
  }
  return any;
}

// A claim that the client made under this name, whose answer may not have reached it.
bool Receiver::FindNamed(OpenClaims* open) {
  OpenClaim* claim = request_.name ? open->FindRequest(request_.name) : nullptr;
  if (claim == nullptr) return false;
  auto* draft = New<Draft>(CurrentMemoryContext);
  draft->row.no = claim->no;
  draft->row.nonce = claim->nonce;
  draft->row.n = claim->n;
  draft->entries = NewArray<Entry>(CurrentMemoryContext, static_cast<size_t>(claim->n));
  auto* over = NewArray<bool>(CurrentMemoryContext, static_cast<size_t>(claim->n));
  for (int32 pos = 0; pos < claim->n; pos++) {
    draft->entries[pos] = claim->entries[pos];
    over[pos] = open->Settled(claim, pos) || open->Void(claim->no, claim->entries[pos].ord);
  }
  over_ = over;
  claims_.push(draft);
  full_ = true;
  return true;
}

ClaimRules Receiver::Rules(const OpenClaims& open) const {
  ClaimRules rules = RulesOf(consumer_, open);
  rules.visibility = request_.visibility / (Planted("expiry_early") ? 2 : 1);
  rules.bytes_max = request_.bytes_max;
  rules.request = request_.name;
  int32 total = 0;
  for (int32 batch : request_.batches) total += batch;
  rules.look_ahead = Min(Max(total, 4), 64);
  return rules;
}

bool Receiver::Renew() {
  RequireNotDropped(consumer_);
  int32 id = consumer_->id;
  MemoryContextReset(renewed_);
  consumer_ = InContext(renewed_, [&] { return FindConsumerById(id, ConsumerUse::kReceive); });
  tables_.set_latest(consumer_->latest ? &latest_ : nullptr);
  RequireReadableStream(consumer_->stream, consumer_->owner);
  return !consumer_->paused;
}

bool Receiver::Claim(bool wait_rather) {
  claims_ = {};
  over_ = nullptr;
  engine_ = nullptr;
  more_to_scan_ = false;
  MemoryContextReset(look_);
  return InContext(look_, [&] { return Look(wait_rather); });
}

bool Receiver::Look(bool wait_rather) {
  if (!Planted("consumer_unlocked")) LockConsumer(consumer_->id, true);
  if (HasFilter(consumer_) && IsSuspended(consumer_->id)) {
    next_due_ = PG_INT64_MAX;
    UnlockConsumer(consumer_->id);
    return false;
  }
  ClaimSession* session = EnterClaimSession(consumer_->id);
  tables_.Open();
  if (!session->open->Refresh(&tables_)) {
    // No claim yet, or none any more: it may have been dropped while we waited for the lock.
    RequireNotDropped(consumer_);
  }
  ClaimRules rules = Rules(*session->open);
  engine_ = New<ClaimEngine>(CurrentMemoryContext, &tables_, session->open,
                             MemoryOf(CurrentMemoryContext), rules);
  SetWaitsForSettles(consumer_->id, true);
  judge_.Begin();
  engine_->Begin();
  bool any = FindNamed(session->open) || TakeBatches(engine_);
  if (!any) next_due_ = engine_->NextDue();
  engine_->Finish();
  judge_.End();
  if (!engine_->waits_for_settles()) SetWaitsForSettles(consumer_->id, false);
  bool changed = engine_->Changed();
  // What was passed by must be parked for good, or a next receive would get no further.
  if (!any && !judge_.must_write() && ((wait_rather && !more_to_scan_) || !changed)) {
    tables_.Close();
    tables_.UnlockClaims();
    if (changed) {
      ForgetClaimSession(session);
    } else {
      LeaveClaimSession();
    }
    UnlockConsumer(consumer_->id);
    return false;
  }
  // After this it cannot look again in the same transaction.
  if (!any && wait_rather) more_to_scan_ = true;
  CommitClaimAsynchronously();
  KeepAnswerUntilCommit();
  // Also the claim of another transaction, answered again, must be on disk first.
  GetCurrentTransactionId();
  WithOwnOrigin([&] {
    tables_.Write(engine_);
    WriteDeadLetters(consumer_, engine_);
    judge_.Write();
    tables_.DeleteOldClaims(session->open, rules.now, &session->old);
  });
  tables_.Close();
  return any;
}

// ---- answers -----------------------------------------------------------------------------------

namespace {

// Groups that entries with two groups tie together have one name within a claim.
class GroupNames {
 public:
  explicit GroupNames(const Draft* draft) : parents_(MemoryOf(CurrentMemoryContext)) {
    for (int32 i = 0; i < draft->row.n; i++) {
      const Entry& entry = draft->entries[i];
      if (!entry.Has(kSecondGroup)) continue;
      uint64 first = Of(entry.group), second = Of(entry.second_group);
      if (first != second) *parents_.Put(second) = first;
    }
  }

  uint64 Of(uint64 group) {
    while (uint64* parent = parents_.Find(group)) group = *parent;
    return group;
  }

 private:
  HashMap<uint64> parents_;
};

}  // namespace

// The log has it no more: there is nothing to deliver, now or later. A stream with one message per
// key has a newer one instead, or the key's time there was over.
void Receiver::DropUnreadable(const ReceivedMessage& message) {
  WithOwnOrigin([&] {
    QueueTables tables(consumer_->id);
    tables.Open();
    tables.InsertSettle(message.id.claim, message.id.position, Outcome::kAcked, true, kAtOnce, {});
    tables.Close();
    Stream stream;
    bool replaced = consumer_->stream != 0 && FindStreamById(consumer_->stream, &stream) &&
                    stream.one_message_per_key;
    if (replaced) return;
    DeadLetterWriter writer(consumer_);
    writer.Open();
    writer.Write(*message.entry, "log_dropped", {}, nullptr, nullptr);
    writer.Close();
  });
}

// What no answer has room for, from that position of that claim on.
void Receiver::GiveBackFrom(size_t claim, int32 position) {
  gave_back_ = true;
  WithOwnOrigin([&] {
    QueueTables tables(consumer_->id);
    tables.Open();
    for (size_t i = claim; i < claims_.count && claims_[i] != nullptr; i++) {
      for (int32 pos = i == claim ? position : 0; pos < claims_[i]->row.n; pos++) {
        tables.InsertSettle(claims_[i]->row.no, pos, Outcome::kUnsent, false, kAtOnce, {});
      }
    }
    tables.Close();
  });
  WakeConsumerAtCommit(consumer_->id);
}

static size_t BytesOf(const LogRow& row) {
  return row.key.size() + row.record.size() + row.changes.size() + row.meta.size();
}

void Receiver::Answer(
    FunctionRef<void(const ReceivedMessage&, const LogRow&, EnvelopeWriter*)> answer) {
  EnvelopeWriter envelopes(consumer_);
  MessageRows rows(consumer_);
  LogReader log;
  MemoryContext each = NewContext(CurrentMemoryContext, "sequin message");
  size_t bytes = 0;
  for (size_t i = 0; i < claims_.count && !gave_back_; i++) {
    const Draft* draft = claims_[i];
    if (draft == nullptr) continue;
    GroupNames names(draft);
    for (int32 position = 0; position < draft->row.n; position++) {
      CHECK_FOR_INTERRUPTS();
      if (over_ != nullptr && over_[position]) continue;
      const Entry& entry = draft->entries[position];
      ReceivedMessage message{static_cast<int32>(i) + 1,
                              {draft->row.no, position, draft->row.nonce},
                              names.Of(entry.group),
                              &entry};
      LogRow row;
      if (log.Find(entry.seq, &row)) {
        size_t size = BytesOf(row);
        // A claim that is answered again was fitting when it was made.
        if (over_ == nullptr && bytes > 0 && bytes + size > kAnswerBytesMax) {
          GiveBackFrom(i, position);
          break;
        }
        bytes += size;
        InContext(each, [&] {
          rows.Finish(entry, &row);
          answer(message, row, &envelopes);
        });
        MemoryContextReset(each);
      } else if (over_ == nullptr) {
        DropUnreadable(message);
      }
    }
  }
  log.Close();
  CrashPoint("claim.before_answer");
}

}  // namespace sequin
