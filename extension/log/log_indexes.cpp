// Indexes of log segments (log_indexes.h).
#include "log/log_indexes.h"

namespace sequin {

static void Classify(Relation index, LogIndexes* indexes) {
  if (!index->rd_index->indisvalid || index->rd_index->indnatts != 1 ||
      index->rd_index->indkey.values[0] != 1) {
    return;
  }
  Oid oid = RelationGetRelid(index);
  if (index->rd_rel->relam == BRIN_AM_OID) {
    indexes->ranges = oid;
  } else if (index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indisunique) {
    bool partial = !heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr);
    (partial ? indexes->places : indexes->every) = oid;
  }
}

LogIndexes LogIndexesOf(Relation log) {
  LogIndexes indexes{};
  List* oids = RelationGetIndexList(log);
  ListCell* cell;
  foreach (cell, oids) {
    Relation index = index_open(lfirst_oid(cell), AccessShareLock);
    Classify(index, &indexes);
    index_close(index, NoLock);
  }
  list_free(oids);
  return indexes;
}

// ---- entries -----------------------------------------------------------------------------------

static void Enter(Relation log, Relation index, IndexInfo* info, int64 seq, TupleTableSlot* row) {
  Datum key = Int64GetDatum(seq);
  bool is_null = false;
  // One writer and rising keys: uniqueness needs no check.
  index_insert(index, &key, &is_null, &row->tts_tid, log, UNIQUE_CHECK_NO, false, info);
}

// Enters the rows that `wanted` says, by number.
template <typename Wanted>
static void EnterSome(Relation log, Oid oid, std::span<TupleTableSlot*> rows,
                      std::span<const int64> seqs, Wanted&& wanted) {
  if (!OidIsValid(oid)) return;
  Relation index = index_open(oid, RowExclusiveLock);
  // Nothing of the index's definition has to be evaluated here.
  IndexInfo* info = BuildDummyIndexInfo(index);
  BlockNumber range_blocks =
      index->rd_rel->relam == BRIN_AM_OID ? BrinGetPagesPerRange(index) : BlockNumber{1};
  for (size_t i = 0; i < rows.size(); i++) {
    if (wanted(i, range_blocks)) Enter(log, index, info, seqs[i], rows[i]);
  }
  index_insert_cleanup(index, info);
  index_close(index, NoLock);
}

void EnterLogRows(Relation log, const LogIndexes& indexes, std::span<TupleTableSlot*> rows,
                  std::span<const int64> seqs) {
  EnterSome(log, indexes.every, rows, seqs, [](size_t, BlockNumber) { return true; });
  EnterSome(log, indexes.places, rows, seqs,
            [&](size_t i, BlockNumber) { return seqs[i] % kPlaceRows == 0; });
  // A range knows its least and its greatest value: the first row and the last say all.
  EnterSome(log, indexes.ranges, rows, seqs, [&](size_t i, BlockNumber range_blocks) {
    auto range = [&](size_t row) {
      return ItemPointerGetBlockNumber(&rows[row]->tts_tid) / range_blocks;
    };
    return i == 0 || i + 1 == rows.size() || range(i) != range(i - 1) || range(i) != range(i + 1);
  });
}

// ---- ranges ------------------------------------------------------------------------------------

BlockNumber LogRangePages(const LogIndexes& indexes) {
  if (!OidIsValid(indexes.ranges)) return 0;
  Relation index = index_open(indexes.ranges, AccessShareLock);
  BlockNumber pages = BrinGetPagesPerRange(index);
  index_close(index, NoLock);
  return pages;
}

BlockNumber DescribeLogRanges(Relation log, BlockNumber described, BlockNumber most) {
  LogIndexes indexes = LogIndexesOf(log);
  BlockNumber pages = LogRangePages(indexes);
  BlockNumber blocks = RelationGetNumberOfBlocks(log);
  // The last block is still being filled.
  BlockNumber full = pages == 0 || blocks == 0 ? 0 : (blocks - 1) / pages;
  if (full <= described) return described;
  // Somebody's VACUUM has it: a range that is not described is read whenever people look for rows.
  if (!ConditionalLockRelationOid(RelationGetRelid(log), ShareUpdateExclusiveLock)) return full;
  BlockNumber end = described + Min(full - described, most);
  for (BlockNumber range = described; range < end; range++) {
    DirectFunctionCall2(brin_summarize_range, ObjectIdGetDatum(indexes.ranges),
                        Int64GetDatum(static_cast<int64>(range) * pages));
  }
  return end;
}

}  // namespace sequin
