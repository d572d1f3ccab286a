// Candidates (candidates.h).
#include "queue/candidates.h"

#include "filter/late_filter.h"
#include "pg/memory.h"
#include "pg/planted_bug.h"
#include "pg/table.h"
#include "queue/log_relation.h"
#include "queue/queue_tables.h"
#include "queue/suspension.h"
#include "wake/wake.h"

namespace sequin {
namespace {

constexpr int kCandidateMs = 1000;
constexpr int kLockMs = 200;
constexpr int kNextLockMs = 10;  // when another candidate of this receive has waited for one
constexpr int64 kReceiveMicros = 5 * USECS_PER_SEC;
constexpr int64 kConflictDelayMicros = USECS_PER_SEC;
constexpr size_t kDiscardedMax = 10000;

// ---- filters that the backend keeps ------------------------------------------------------------

struct FilterKey {
  int32 consumer;
  Oid relid;
};
struct KeptFilter {
  FilterKey key;
  char* sql;
  Oid owner;
  LateFilter* filter;
};
constexpr long kFiltersMax = 256;
HTAB* filters = nullptr;
MemoryContext filters_context = nullptr;

void Forget(KeptFilter* kept) {
  FreeLateFilter(kept->filter);
  pfree(kept->sql);
  FilterKey key = kept->key;
  hash_search(filters, &key, HASH_REMOVE, nullptr);
}

void ForgetAll() {
  HASH_SEQ_STATUS scan;
  hash_seq_init(&scan, filters);
  while (auto* kept = static_cast<KeptFilter*>(hash_seq_search(&scan))) Forget(kept);
}

void MakeTable() {
  filters_context = NewContext(TopMemoryContext, "sequin late filters");
  HASHCTL control{};
  control.keysize = sizeof(FilterKey);
  control.entrysize = sizeof(KeptFilter);
  control.hcxt = filters_context;
  filters = hash_create("sequin late filters", 32, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

// The filter of the consumer for the table, read anew when it or what it depends on has changed.
LateFilter* FilterFor(const Consumer* consumer, Relation relation, const PublishedName& name,
                      const char* sql) {
  if (filters == nullptr) MakeTable();
  FilterKey key{consumer->id, RelationGetRelid(relation)};
  auto* kept = static_cast<KeptFilter*>(hash_search(filters, &key, HASH_FIND, nullptr));
  if (kept != nullptr) {
    bool same = kept->owner == consumer->owner && strcmp(kept->sql, sql) == 0;
    if (same && LateFilterFits(kept->filter)) return kept->filter;
    Forget(kept);
  }
  if (hash_get_num_entries(filters) >= kFiltersMax) ForgetAll();
  LateFilter* filter = NewLateFilter(relation, name, sql, filters_context);
  kept = static_cast<KeptFilter*>(hash_search(filters, &key, HASH_ENTER, nullptr));
  kept->sql = MemoryContextStrdup(filters_context, sql);
  kept->owner = consumer->owner;
  kept->filter = filter;
  return filter;
}

}  // namespace

// ---- one look ----------------------------------------------------------------------------------

CandidateJudge::CandidateJudge(int32 consumer)
    : id_(consumer),
      context_(CurrentMemoryContext),
      loaded_(NewContext(CurrentMemoryContext, "sequin judge")),
      each_(NewContext(CurrentMemoryContext, "sequin candidate")),
      discarded_(MemoryOf(CurrentMemoryContext)) {}

void CandidateJudge::Begin() {
  TransactionId before = consumer_ ? consumer_->version : InvalidTransactionId;
  consumer_ = nullptr;
  MemoryContextReset(loaded_);
  spent_ = 0;
  conflict_ = out_of_time_ = decided_ = failures_changed_ = false;
  last_error_ = suspended_ = nullptr;
  if (discarded_.size() == 0) return;
  // Somebody may have altered the filter while this receive waited.
  LoadConsumer();
  if (before != consumer_->version) {
    discarded_ = HashMap<bool>(MemoryOf(context_));
  }
}

void CandidateJudge::LoadConsumer() {
  consumer_ = InContext(loaded_, [&] { return FindConsumerById(id_, ConsumerUse::kReceive); });
  filler_ = UnchangedFiller(consumer_);
  failures_ = ReadFilterFailures(id_);
  // Somebody has let it go on.
  if (failures_ < kFilterFailuresInARow) return;
  failures_ = 0;
  failures_changed_ = true;
}

Judgement CandidateJudge::Judge(const Entry& entry) {
  if (discarded_.Find(static_cast<uint64>(entry.ord))) return {Verdict::kDiscard};
  if (spent_ >= kReceiveMicros) {
    out_of_time_ = true;
    return {Verdict::kStop};
  }
  LogRow row;
  // What the log has no more is told to nobody: receive sees to it.
  if (!log_.Find(entry.seq, &row)) return {Verdict::kTake};
  if (consumer_ == nullptr) LoadConsumer();
  int64 start = GetCurrentTimestamp();
  Judgement judgement = InContext(each_, [&] {
    if (consumer_->fill_unchanged) filler_.Fill(&row);
    return Evaluate(entry, row);
  });
  MemoryContextReset(each_);
  spent_ += GetCurrentTimestamp() - start;
  return judgement;
}

// ---- one candidate -----------------------------------------------------------------------------

SandboxResult CandidateJudge::Run(const LogRow& row, const char* sql) {
  LogRelation table = FindLogRelation(row.relation);
  PublishedName name{table.schema, table.table, table.table};
  LateChange change{row.action, name, row.record, row.changes, row.meta};
  prepared_ = gone_ = match_ = false;
  SandboxLimits limits{kCandidateMs, conflict_ ? kNextLockMs : kLockMs};
  return InSandbox(consumer_->owner, limits, [&] {
    Relation relation = try_relation_open(table.reloid, AccessShareLock);
    gone_ = relation == nullptr;
    if (gone_) return;
    LateFilter* filter =
        FilterFor(consumer_, relation, NameAsPublished(relation, table.reloid), sql);
    prepared_ = true;
    match_ = EvaluateLateFilter(filter, relation, change) || Planted("candidate_unjudged");
    relation_close(relation, NoLock);
  });
}

Judgement CandidateJudge::Evaluate(const Entry& entry, const LogRow& row) {
  LogRelation table = FindLogRelation(row.relation);
  const char* sql = ChoiceFor(consumer_, table.schema, table.table, table.reloid).filter;
  if (sql == nullptr) return Good(entry, row.action != 'u' || consumer_->wants_updates);
  if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(consumer_->owner))) {
    return Suspend(row, "the role that owns the consumer does not exist any more");
  }
  SandboxResult result = Run(row, sql);
  if (result.end == SandboxEnd::kConflict) {
    conflict_ = decided_ = true;
    return {Verdict::kLater, GetCurrentTimestamp() + kConflictDelayMicros};
  }
  if (gone_)
    return Failed(row, psprintf("table %s does not exist any more",
                                quote_qualified_identifier(table.schema, table.table)));
  if (result.end == SandboxEnd::kDone) {
    bool told =
        row.action != 'u' || !consumer_->turns_updates || (match_ && consumer_->wants_updates);
    if (told) return Good(entry, match_);
    return Failed(row,
                  "decoding could not evaluate the filter, and only there one can tell whether "
                  "an update brings the row or takes it away");
  }
  bool stopped = result.error->sqlerrcode == ERRCODE_QUERY_CANCELED;
  if (prepared_ || stopped) return Failed(row, result.error->message);
  return Suspend(
      row, psprintf("the filter does not fit table %s: %s",
                    quote_qualified_identifier(table.schema, table.table), result.error->message));
}

Judgement CandidateJudge::Good(const Entry& entry, bool match) {
  failures_changed_ = failures_changed_ || failures_ != 0;
  failures_ = 0;
  if (match) return {Verdict::kTake};
  *discarded_.Put(static_cast<uint64>(entry.ord)) = true;
  // What is remembered is bounded.
  decided_ = decided_ || discarded_.size() >= kDiscardedMax;
  return {Verdict::kDiscard};
}

Judgement CandidateJudge::Failed(const LogRow& row, const char* error) {
  last_error_ = MemoryContextStrdup(context_, error);
  failures_++;
  failures_changed_ = decided_ = true;
  if (failures_ < kFilterFailuresInARow) return {Verdict::kDead, kAtOnce, last_error_};
  return Suspend(row, psprintf("the filter failed on %d changes in a row: %s", failures_, error));
}

Judgement CandidateJudge::Suspend(const LogRow& row, const char* reason) {
  suspended_ = MemoryContextStrdup(context_, reason);
  suspended_at_.seq = row.seq;
  suspended_at_.commit_lsn = row.commit_lsn;
  decided_ = true;
  return {Verdict::kStop};
}

void CandidateJudge::Write() {
  if (failures_changed_) WriteFilterFailures(id_, failures_, last_error_);
  if (suspended_ == nullptr) return;
  InsertSuspension(id_, suspended_at_, suspended_);
  WakeDefinitionsAtCommit();
}

}  // namespace sequin
