// Tables of log rows, cached for the life of a backend (log_relation.h).
#include "queue/log_relation.h"

#include "change/value_json.h"
#include "pg/memory.h"
#include "pg/table.h"
#include "queue/queue_tables.h"
#include "stream/stream.h"
#include "stream/stream_names.h"

namespace sequin {
namespace {

struct Cache {
  Oid table;
  MemoryContext context;
  HashMap<LogRelation>* relations;
};
Cache cache;

const char* CopyOf(std::string_view text) {
  return pnstrdup(text.data(), text.size());
}

bool Read(Relation table, int32 id, LogRelation* relation) {
  bool found = false;
  ScanKeyData key = KeyInt4(1, BTEqualStrategyNumber, id);
  ScanPrimaryKey(table, SnapshotSelf, {&key, 1}, Direction::kForward, [&](HeapTuple tuple) {
    bool is_null;
    relation->reloid = DatumGetObjectId(ColumnOf(table, tuple, 2, &is_null));
    relation->schema = CopyOf(TextView(ColumnOf(table, tuple, 3, &is_null)));
    relation->table = CopyOf(TextView(ColumnOf(table, tuple, 4, &is_null)));
    StringInfoData out;
    initStringInfo(&out);
    appendStringInfoString(&out, "\"table_schema\":");
    AppendJsonName(&out, relation->schema);
    appendStringInfoString(&out, ",\"table_name\":");
    AppendJsonName(&out, relation->table);
    relation->json = {out.data, static_cast<size_t>(out.len)};
    found = true;
    return false;
  });
  return found;
}

// In the place of the table; names of streams do not change.
bool ReadStream(int32 id, LogRelation* relation) {
  Stream stream;
  if (!FindStreamById(StreamOfRelationId(id), &stream)) return false;
  relation->schema = "";
  relation->table = CopyOf(stream.name);
  StringInfoData out;
  initStringInfo(&out);
  appendStringInfoString(&out, "\"stream\":");
  AppendJsonString(&out, stream.name);
  relation->json = {out.data, static_cast<size_t>(out.len)};
  return true;
}

}  // namespace

LogRelation FindLogRelation(int32 id) {
  if (id == 0) return {InvalidOid, "", "", "\"table_schema\":null,\"table_name\":null"};
  Oid oid = OwnTableOid("relation");
  if (cache.table != oid) {
    if (cache.context != nullptr) MemoryContextDelete(cache.context);
    cache.context = NewContext(TopMemoryContext, "sequin relation names");
    cache.relations = New<HashMap<LogRelation>>(cache.context, MemoryOf(cache.context));
    cache.table = oid;
  }
  if (LogRelation* known = cache.relations->Find(static_cast<uint32>(id))) return *known;
  Relation table = table_open(oid, AccessShareLock);
  LogRelation relation{};
  bool found = InContext(cache.context, [&] {
    return IsStreamRelationId(id) ? ReadStream(id, &relation) : Read(table, id, &relation);
  });
  CloseOwnTable(table, AccessShareLock);
  if (!found) {
    ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED),
            errmsg("table \"sequin.relation\" has no row %d", id));
  }
  *cache.relations->Put(static_cast<uint32>(id)) = relation;
  return relation;
}

}  // namespace sequin
