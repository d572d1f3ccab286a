// Writing to the queue's tables (table_writer.h).
#include "queue/table_writer.h"

#include "pg/table.h"

namespace sequin {

void TableWriter::Open(const char* name) {
  table_ = OpenOwnTable(name, RowExclusiveLock);
  index_count_ = 0;
  List* oids = RelationGetIndexList(table_);
  ListCell* cell;
  foreach (cell, oids) {
    Relation index = index_open(lfirst_oid(cell), RowExclusiveLock);
    if (!index->rd_index->indisready) {
      index_close(index, NoLock);
      continue;
    }
    if (index_count_ == kIndexesMax) {
      ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
              errmsg("table \"sequin.%s\" has more than %d indexes", name, kIndexesMax));
    }
    partial_[index_count_] = !heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr);
    indexes_[index_count_++] = index;
  }
  list_free(oids);
  info_ = makeNode(IndexInfo);
}

void TableWriter::OpenForReading(const char* name) {
  table_ = OpenOwnTable(name, AccessShareLock);
  index_count_ = 0;
}

void TableWriter::InsertIndexEntries(HeapTuple tuple, Datum* values, bool* nulls, bool in_partial) {
  for (int i = 0; i < index_count_; i++) {
    if (partial_[i] && !in_partial) continue;
    Relation index = indexes_[i];
    Datum index_values[INDEX_MAX_KEYS];
    bool index_nulls[INDEX_MAX_KEYS];
    for (int column = 0; column < index->rd_index->indnatts; column++) {
      AttrNumber from = index->rd_index->indkey.values[column];
      if (from <= 0) {
        ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                errmsg("index \"%s\" on an expression is not supported",
                       RelationGetRelationName(index)));
      }
      index_values[column] = values[from - 1];
      index_nulls[column] = nulls[from - 1];
    }
    index_insert(index, index_values, index_nulls, &tuple->t_self, table_,
                 index->rd_index->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO, false, info_);
  }
}

void TableWriter::InsertIndexEntriesOf(TupleTableSlot* slot) {
  slot_getallattrs(slot);
  for (int i = 0; i < index_count_; i++) {
    Datum index_values[INDEX_MAX_KEYS];
    bool index_nulls[INDEX_MAX_KEYS];
    for (int column = 0; column < indexes_[i]->rd_index->indnatts; column++) {
      AttrNumber from = indexes_[i]->rd_index->indkey.values[column];
      index_values[column] = slot->tts_values[from - 1];
      index_nulls[column] = slot->tts_isnull[from - 1];
    }
    index_insert(indexes_[i], index_values, index_nulls, &slot->tts_tid, table_, UNIQUE_CHECK_NO,
                 false, info_);
  }
}

void TableWriter::Insert(Datum* values, bool* nulls, bool in_partial) {
  HeapTuple tuple = heap_form_tuple(RelationGetDescr(table_), values, nulls);
  heap_insert(table_, tuple, GetCurrentCommandId(true), 0, nullptr);
  InsertIndexEntries(tuple, values, nulls, in_partial);
  heap_freetuple(tuple);
}

void TableWriter::Update(const ItemPointerData& tid, Datum* values, bool* nulls, bool in_partial) {
  HeapTuple tuple = heap_form_tuple(RelationGetDescr(table_), values, nulls);
  ItemPointerData old = tid;
  simple_heap_update(table_, &old, tuple);
  if (!HeapTupleIsHeapOnly(tuple)) InsertIndexEntries(tuple, values, nulls, in_partial);
  heap_freetuple(tuple);
}

void TableWriter::Delete(const ItemPointerData& tid) {
  ItemPointerData old = tid;
  simple_heap_delete(table_, &old);
}

void TableWriter::Close() {
  if (table_ == nullptr) return;
  for (int i = 0; i < index_count_; i++) index_close(indexes_[i], NoLock);
  table_close(table_, NoLock);
  table_ = nullptr;
}

}  // namespace sequin
