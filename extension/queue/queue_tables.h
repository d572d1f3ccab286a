// The tables of the queue as the claim algorithm sees them (queue_store.h), and writing what it
// decided. For one consumer, for the length of one call.
#pragma once

#include "log/reader.h"
#include "queue/claim_engine.h"
#include "queue/table_writer.h"

namespace sequin {

class CandidateJudge;
class LatestReader;

// Memory of the pure parts: a memory context.
Memory MemoryOf(MemoryContext context);

// Where the claims that are still stored begin, as far as a backend knows.
struct OldClaims {
  int64 first = 0;       // smaller numbers are deleted
  int64 not_before = 0;  // time at which one may be old enough
};

class QueueTables final : public QueueStore {
 public:
  explicit QueueTables(int32 consumer) : consumer_(consumer), route_(consumer) {}
  // Who decides about candidates; without, they are taken.
  void set_judge(CandidateJudge* judge) { judge_ = judge; }
  // Who knows the newest message of each key, for mode latest.
  void set_latest(LatestReader* latest) { latest_ = latest; }
  void Open();
  // Everything as the snapshot shows it, which must be registered.
  void OpenForReading(Snapshot snapshot);
  void Close();
  // Lets go of the claims that were locked, when nothing was decided about them or what was decided
  // is dropped: those who settle wait for these locks, and the transaction may go on for long.
  void UnlockClaims();

  // QueueStore.
  bool NewestClaim(VisitClaim visit) override;
  void ClaimsFrom(int64_t no, VisitClaim visit) override;
  bool ClaimNumber(int64_t no, VisitClaim visit) override { return FindClaim(no, true, visit); }
  void Settles(int64_t no, int32_t from_pos, int32_t to_pos, VisitSettle visit) override;
  void DirtySettles(int64_t no, VisitSettle visit) override;
  void Returned(VisitSettle visit) override;
  bool TryLockClaim(int64_t no) override;
  int64_t NewNonce() override;
  void HeldAfter(uint64_t group, int64_t ord, VisitHeld visit) override;
  void HeldLast(uint64_t group, VisitHeld visit) override;
  void HeldAll(VisitHeld visit) override;
  void HeldBarriers(VisitHeld visit) override;
  void HeldOfRelation(uint32_t relation, bool barriers, VisitHeld visit) override;
  void HeldWaiting(int64_t after, VisitHeld visit) override;
  bool NextCandidate(bool delayed, int64_t now, VisitHeld visit) override;
  int64_t NextReady(int64_t now) override;
  void SeekRoute(int64_t ord) override;
  bool NextRoute(Entry* entry) override;
  int64_t EntryBytes(int64_t seq) override;
  void CheckInterrupts() override;
  Judgement Judge(const Entry& entry) override;
  bool Superseded(const Entry& entry) override;
  void Damaged(const char* where, int64_t at) override;

  // Settlers. False: no such claim.
  bool FindClaim(int64_t no, bool with_entries, VisitClaim visit);
  // The row of one position, unfinished transactions included.
  void DirtySettles(int64_t no, int32_t from_pos, int32_t to_pos, VisitSettle visit);
  void InsertSettle(int64_t no, int32_t pos, Outcome outcome, bool absorbed, int64_t ready_at,
                    std::string_view error);

  // Counting.
  // `n`: how many entries of the row are not there twice.
  void ForEachHeldRow(FunctionRef<void(int32 n, const Entry& first)> visit);

  // Writes everything the engine decided but dead letters, which need their messages.
  void Write(ClaimEngine* engine);
  // Deletes some claims that ended so long ago that nobody may ask any more.
  void DeleteOldClaims(OpenClaims* open, int64_t now, OldClaims* old);

 private:
  // `index`: nullptr for the primary key.
  void OpenProbe(IndexProbe* probe, const TableWriter& table, const char* index, Snapshot snapshot,
                 int key_count);
  void WriteClaim(const Draft& draft);
  void WriteHeld(HeldQueues* held);
  void WriteHeldRow(uint64_t group, const HeldChunk& chunk);
  void WriteAbsorbed(uint64_t handle);
  bool DeleteClaim(const ClaimRow& row, uint64_t handle, int64_t now);
  void ScanClaims(int64 from, bool with_entries, VisitClaim visit);
  void VisitClaims(IndexProbe* probe, ScanDirection direction, bool with_entries, VisitClaim visit);
  void VisitSettles(IndexProbe* probe, const SnapshotData* dirty, VisitSettle visit);
  bool VisitHeldRow(TupleTableSlot* slot, VisitHeld visit);
  void VisitHeldRows(IndexProbe* probe, ScanDirection direction, VisitHeld visit);

  int32 consumer_;
  CandidateJudge* judge_ = nullptr;
  LatestReader* latest_ = nullptr;
  MemoryContext context_ = nullptr;
  Snapshot snapshot_ = SnapshotSelf;
  TableWriter claim_, held_, settle_;
  IndexProbe newest_claim_, claims_from_, settles_, dirty_settles_, returned_;
  IndexProbe held_after_, held_last_, held_all_, held_barriers_, held_of_relation_, held_waiting_;
  IndexProbe candidates_[2], ready_;
  SnapshotData dirty_;
  uint64_t claim_handle_ = 0;
  Vec<int64> locked_claims_;
  RouteReader route_;
  LogReader log_;
};

}  // namespace sequin
