// Writing the queue's tables (queue_tables.h).
#include "pg/memory.h"
#include "pg/table.h"
#include "queue/queue_columns.h"
#include "queue/queue_locks.h"
#include "queue/queue_tables.h"

namespace sequin {

// How long per-position answers stay exact after a claim ended.
static constexpr int64 kHorizonMicros = INT64CONST(600) * USECS_PER_SEC;
static constexpr int kDeleteRowsMax = 64;

static Datum EncodeEntries(std::span<const Entry> entries, int64 base_ord) {
  auto* bytes = static_cast<bytea*>(palloc(VARHDRSZ + entries.size() * kEntryBytesMax));
  EntryWriter writer(base_ord);
  char* out = VARDATA(bytes);
  for (const Entry& entry : entries) out += writer.Write(entry, out);
  SET_VARSIZE(bytes, out - reinterpret_cast<char*>(bytes));
  return PointerGetDatum(bytes);
}

void QueueTables::WriteClaim(const Draft& draft) {
  const ClaimRow& row = draft.row;
  Datum values[claim_column::kCount];
  bool nulls[claim_column::kCount] = {};
  values[claim_column::kConsumer] = Int32GetDatum(consumer_);
  values[claim_column::kEpoch] = Int32GetDatum(row.epoch);
  values[claim_column::kNo] = Int64GetDatum(row.no);
  values[claim_column::kNonce] = Int64GetDatum(row.nonce);
  values[claim_column::kNextOrd] = Int64GetDatum(row.next_ord);
  values[claim_column::kLowNo] = Int64GetDatum(row.low_no);
  values[claim_column::kKeep] = Int64GetDatum(row.keep);
  values[claim_column::kLastRewind] = Int64GetDatum(row.last_rewind);
  values[claim_column::kTakenAt] = TimestampTzGetDatum(row.taken_at);
  values[claim_column::kExpires] = TimestampTzGetDatum(row.expires);
  values[claim_column::kN] = Int32GetDatum(row.n);
  values[claim_column::kKind] = CharGetDatum(row.rewind ? 'r' : 'c');
  values[claim_column::kEntries] = EncodeEntries({draft.entries, static_cast<size_t>(row.n)}, 0);
  nulls[claim_column::kOpenClaims] = row.open_claims.data() == nullptr;
  values[claim_column::kOpenClaims] =
      nulls[claim_column::kOpenClaims] ? Datum{0} : ByteaDatum(row.open_claims);
  nulls[claim_column::kRequest] = !row.has_request;
  pg_uuid_t request;
  memcpy(request.data, row.request, UUID_LEN);
  values[claim_column::kRequest] = UUIDPGetDatum(&request);
  claim_.Insert(values, nulls, true);
  pfree(DatumGetPointer(values[claim_column::kEntries]));
}

void QueueTables::InsertSettle(int64_t no, int32_t pos, Outcome outcome, bool absorbed,
                               int64_t ready_at, std::string_view error) {
  Datum values[settle_column::kCount];
  bool nulls[settle_column::kCount] = {};
  values[settle_column::kConsumer] = Int32GetDatum(consumer_);
  values[settle_column::kPos] = Int32GetDatum(pos);
  values[settle_column::kNo] = Int64GetDatum(no);
  values[settle_column::kReadyAt] = TimestampTzGetDatum(ready_at);
  values[settle_column::kOutcome] = CharGetDatum(static_cast<char>(outcome));
  values[settle_column::kAbsorbed] = BoolGetDatum(absorbed);
  nulls[settle_column::kError] = error.data() == nullptr;
  values[settle_column::kError] = nulls[settle_column::kError] ? Datum{0} : TextDatum(error);
  settle_.Insert(values, nulls, !absorbed);
}

// The entry is back in the queue: the row only remains for those who ask.
void QueueTables::WriteAbsorbed(uint64_t handle) {
  HeapTupleData tuple;
  Buffer buffer;
  tuple.t_self = TidOf(handle);
  if (!heap_fetch(settle_.table(), SnapshotSelf, &tuple, &buffer, false)) {
    ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED),
            errmsg("a settled row of consumer %d is gone", consumer_));
  }
  Datum values[settle_column::kCount];
  bool nulls[settle_column::kCount];
  heap_deform_tuple(&tuple, RelationGetDescr(settle_.table()), values, nulls);
  values[settle_column::kAbsorbed] = BoolGetDatum(true);
  // heap_form_tuple copies the error text before the page is let go.
  settle_.Update(tuple.t_self, values, nulls, false);
  ReleaseBuffer(buffer);
}

// ---- held --------------------------------------------------------------------------------------

void QueueTables::WriteHeldRow(uint64_t group, const HeldChunk& chunk) {
  Datum values[held_column::kCount];
  bool nulls[held_column::kCount] = {};
  std::span<const Entry> entries{chunk.entries + chunk.first, static_cast<size_t>(chunk.count)};
  int32 own = 0;
  for (const Entry& entry : entries) own += entry.Has(kShadow) ? 0 : 1;
  int64 ord = entries.front().ord;
  values[held_column::kConsumer] = Int32GetDatum(consumer_);
  values[held_column::kRelation] = ObjectIdGetDatum(chunk.relation);
  values[held_column::kGroup] = Int64GetDatum(static_cast<int64>(group));
  values[held_column::kOrd] = Int64GetDatum(ord);
  values[held_column::kReadyAt] = TimestampTzGetDatum(chunk.ready_at);
  values[held_column::kWait] = Int64GetDatum(chunk.wait);
  values[held_column::kN] = Int32GetDatum(own);
  values[held_column::kBarrierRow] = BoolGetDatum(chunk.barrier);
  values[held_column::kEntries] = EncodeEntries(entries, ord);
  nulls[held_column::kError] = chunk.error.data() == nullptr;
  values[held_column::kError] = nulls[held_column::kError] ? Datum{0} : TextDatum(chunk.error);
  bool in_front = chunk.wait >= 0;
  if (chunk.stored) {
    held_.Update(TidOf(chunk.handle), values, nulls, in_front);
  } else {
    held_.Insert(values, nulls, in_front);
  }
  pfree(DatumGetPointer(values[held_column::kEntries]));
}

// A row may take the key of another that goes away or gets a new one: deletions come first, then
// changes from the front on (keys of a queue only move backwards to places that were left), then
// new rows.
void QueueTables::WriteHeld(HeldQueues* held) {
  held->ForEachGroup([&](Group* group) {
    held->ForEachChunk(group, [&](HeldChunk* chunk) {
      if (chunk->stored && chunk->count == 0) held_.Delete(TidOf(chunk->handle));
    });
    for (bool stored : {true, false}) {
      held->ForEachChunk(group, [&](HeldChunk* chunk) {
        if (chunk->count > 0 && chunk->changed && chunk->stored == stored) {
          WriteHeldRow(group->hash, *chunk);
        }
      });
    }
    CHECK_FOR_INTERRUPTS();
  });
}

void QueueTables::Write(ClaimEngine* engine) {
  for (uint64_t handle : engine->absorbed()) WriteAbsorbed(handle);
  for (const NewSettle& row : engine->new_settles()) {
    InsertSettle(row.no, row.pos, row.outcome, true, kAtOnce, {});
  }
  WriteHeld(&engine->held());
  for (const Draft* draft : engine->drafts()) WriteClaim(*draft);
}

// ---- old claims --------------------------------------------------------------------------------

// Long over, so that nobody is told exactly what became of it any more.
static bool IsOld(int64 until, int64 now) {
  return until <= now - kHorizonMicros || until - now > kLastsMax;
}

// Under the lock of the claim no settler can be about to answer for it.
bool QueueTables::DeleteClaim(const ClaimRow& row, uint64_t handle, int64_t now) {
  if (!TryLockClaim(row.no)) return false;
  ItemPointerData tids[kDeleteRowsMax];
  int count = 0;
  bool more = false, extended = false;
  DirtySettles(row.no, [&](const SettleRow& settle) {
    extended |=
        settle.in_progress || (settle.pos <= kFirstExtendPos && !IsOld(settle.ready_at, now));
    more = count == kDeleteRowsMax;
    if (!more && !extended) tids[count++] = TidOf(settle.handle);
    return !more && !extended;
  });
  if (extended) return false;
  for (int i = 0; i < count; i++) settle_.Delete(tids[i]);
  if (more) return false;
  claim_.Delete(TidOf(handle));
  return true;
}

void QueueTables::DeleteOldClaims(OpenClaims* open, int64_t now, OldClaims* old) {
  if (now < old->not_before && old->not_before - now <= kHorizonMicros) return;
  static constexpr int kClaimsMax = 8;
  ClaimRow rows[kClaimsMax];
  uint64_t handles[kClaimsMax];
  int count = 0;
  // Rows that list what is open are read by those who know nothing.
  int64 newest = open->newest().no - open->newest().no % kOpenListEvery;
  int64 low = open->LowestOpen();
  int64 again = 0;  // the first that must be looked at another time
  ScanClaims(old->first, false, [&](const ClaimRow& row) {
    if (row.no >= newest || !IsOld(row.expires, now)) {
      old->not_before = Min(row.expires + kHorizonMicros, now + kHorizonMicros / 10);
      return false;
    }
    // A rewind decides about every older claim, so it goes after them.
    if (open->Find(row.no) != nullptr || (row.rewind && low < row.no)) {
      if (again == 0) again = row.no;
      return true;
    }
    rows[count] = row;
    handles[count++] = claim_handle_;
    return count < kClaimsMax;
  });
  for (int i = 0; i < count; i++) {
    if (!DeleteClaim(rows[i], handles[i], now)) {
      if (again == 0 || again > rows[i].no) again = rows[i].no;
      break;
    }
    old->first = rows[i].no + 1;
  }
  if (again != 0 && again < old->first) old->first = again;
}

}  // namespace sequin
