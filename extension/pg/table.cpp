// Sequin's own tables without a plan (table.h).
#include "pg/table.h"

#include "pg/version.h"

namespace sequin {

Oid OwnSchema(bool missing_ok) {
  return get_namespace_oid("sequin", missing_ok);
}

Oid OwnTableOid(const char* name, bool missing_ok) {
  RequireVersion();
  Oid schema = OwnSchema(missing_ok);
  Oid oid = OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
  if (!OidIsValid(oid) && !missing_ok) {
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
            errmsg("table \"sequin.%s\" does not exist", name),
            errhint("Run CREATE EXTENSION sequin in this database."));
  }
  return oid;
}

Relation OpenOwnTable(const char* name, LOCKMODE mode) {
  return table_open(OwnTableOid(name), mode);
}

Oid UniqueIndexOn(Relation table, AttrNumber column) {
  Oid found = InvalidOid;
  List* indexes = RelationGetIndexList(table);
  ListCell* cell;
  foreach (cell, indexes) {
    HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));
    if (!HeapTupleIsValid(tuple)) continue;
    auto* form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
    // REINDEX CONCURRENTLY has another one beside it, which is empty at first, and may stay so.
    if (form->indisvalid && form->indisunique && form->indnatts == 1 &&
        form->indkey.values[0] == column) {
      found = form->indexrelid;
    }
    ReleaseSysCache(tuple);
  }
  if (!OidIsValid(found)) {
    ereport(ERROR, errcode(ERRCODE_INTERNAL_ERROR),
            errmsg("table \"sequin.%s\" has lost the unique index on column %d",
                   RelationGetRelationName(table), column));
  }
  return found;
}

static RegProcedure CompareProc(StrategyNumber strategy, const RegProcedure (&by_strategy)[5]) {
  return by_strategy[strategy - 1];
}

ScanKeyData KeyInt4(AttrNumber column, StrategyNumber strategy, int32 value) {
  static constexpr RegProcedure kProcs[5] = {F_INT4LT, F_INT4LE, F_INT4EQ, F_INT4GE, F_INT4GT};
  ScanKeyData key;
  ScanKeyInit(&key, column, strategy, CompareProc(strategy, kProcs), Int32GetDatum(value));
  return key;
}

ScanKeyData KeyInt8(AttrNumber column, StrategyNumber strategy, int64 value) {
  static constexpr RegProcedure kProcs[5] = {F_INT8LT, F_INT8LE, F_INT8EQ, F_INT8GE, F_INT8GT};
  ScanKeyData key;
  ScanKeyInit(&key, column, strategy, CompareProc(strategy, kProcs), Int64GetDatum(value));
  return key;
}

ItemPointer KeptRow::Place(Relation table, std::span<ScanKeyData> keys) {
  if (file != table->rd_rel->relfilenode) {
    ScanPrimaryKey(table, SnapshotSelf, keys, Direction::kForward, [&](HeapTuple moved) {
      tuple->t_self = moved->t_self;
      return false;
    });
    file = table->rd_rel->relfilenode;
  }
  return &tuple->t_self;
}

Snapshot TakeSnapshot() {
  return RegisterSnapshot(GetLatestSnapshot());
}

Datum ColumnOf(Relation table, HeapTuple tuple, AttrNumber column, bool* is_null) {
  return heap_getattr(tuple, column, RelationGetDescr(table), is_null);
}

std::string_view TextView(Datum text_datum) {
  text* value = DatumGetTextPP(text_datum);
  return {VARDATA_ANY(value), static_cast<size_t>(VARSIZE_ANY_EXHDR(value))};
}

Datum TextDatum(std::string_view text) {
  return PointerGetDatum(cstring_to_text_with_len(text.data(), static_cast<int>(text.size())));
}

Datum ByteaDatum(std::string_view bytes) {
  return TextDatum(bytes);
}

}  // namespace sequin
