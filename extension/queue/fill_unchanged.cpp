// Looking values up by the key of a message (fill_unchanged.h), in a sandbox: whatever types and
// tables are made of, the receive goes on.
#include "queue/fill_unchanged.h"

#include "capture/settings.h"
#include "catalog/replica_identity.h"
#include "change/column_json.h"
#include "change/json_fields.h"
#include "change/value_settings.h"
#include "filter/sandbox.h"
#include "pg/memory.h"
#include "queue/log_relation.h"

namespace sequin {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr int kLookupMs = 1000;
constexpr int kLockMs = 200;
constexpr int kNextLockMs = 10;
constexpr int64 kReceiveMicros = 5 * USECS_PER_SEC;
constexpr std::string_view kMember = ",\"unchanged_columns\":[";

std::string_view ViewOf(const StringInfoData& text) {
  return {text.data, static_cast<size_t>(text.len)};
}

void AppendView(StringInfo out, std::string_view text) {
  appendBinaryStringInfo(out, text.data(), static_cast<int>(text.size()));
}

// A string literal as a C string.
char* Unquoted(std::string_view literal) {
  StringInfoData out;
  initStringInfo(&out);
  std::string_view inside = literal.substr(1, literal.size() - 2);
  for (size_t at = 0; at < inside.size();) {
    char bytes[4];
    int size;
    at = json::DecodeCharacter(inside, at, bytes, &size);
    if (at == kNone) break;
    appendBinaryStringInfo(&out, bytes, size);
  }
  return out.data;
}

// Visits the string literals of a list; other elements end it.
template <typename Visit>
void ForEachLiteral(std::string_view list, Visit&& visit) {
  for (size_t at = 1; at < list.size() && list[at] == '"';) {
    size_t end = json::SkipString(list, at);
    if (end == kNone) return;
    visit(list.substr(at, end - at));
    if (end >= list.size() || list[end] != ',') return;
    at = end + 1;
  }
}

// One column that is looked for.
struct Wanted {
  std::string_view literal;  // its name in JSON
  const char* name;
  const char* value;  // JSON, when it was found
};

struct Lookup {
  const LogRow* row;
  Oid relation;
  NumberFormat number_format;
  Wanted* wanted;
  int count;
  MemoryContext home;  // of what is found
};

// ---- the query ---------------------------------------------------------------------------------

constexpr int kKeyColumnsMax = INDEX_MAX_KEYS;

struct Key {
  int count = 0;
  const char* columns[kKeyColumnsMax];
  Oid types[kKeyColumnsMax];
  Datum values[kKeyColumnsMax];
};

// What decoding takes record_pks from (decode/form_plan.cpp).
Oid KeyIndexOf(Relation relation) {
  Oid primary = RelationGetPrimaryKeyIndex(relation);
  Oid identity = RelationGetReplicaIndex(relation);
  if (!OidIsValid(identity)) return primary;
  Bitmapset* columns = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);
  return OidIsValid(primary) && LogsOldValues(relation, columns) ? primary : identity;
}

// The table may have got another key since: where the record has a key column, it must agree.
bool AgreesWithRecord(std::string_view record, const char* column, std::string_view literal) {
  std::string_view member = JsonMember(record, column);
  return member.empty() || member == literal || member == std::string_view(Unquoted(literal));
}

// `"column" OPERATOR(schema.=) $n` with the equality of the index.
void AppendCondition(StringInfo sql, Relation relation, Relation index, int at, Key* key) {
  AttrNumber column = index->rd_index->indkey.values[at];
  Oid type = index->rd_opcintype[at];
  Oid equality = get_opfamily_member(index->rd_opfamily[at], type, type, BTEqualStrategyNumber);
  Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), column - 1);
  key->columns[at] = NameStr(attribute->attname);
  key->types[at] = IsPolymorphicType(type) ? attribute->atttypid : type;
  HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(equality));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for operator %u", equality);
  auto* form = reinterpret_cast<Form_pg_operator>(GETSTRUCT(tuple));
  appendStringInfo(sql, "%s %s OPERATOR(%s.%s) $%d", at == 0 ? " WHERE" : " AND",
                   quote_identifier(NameStr(attribute->attname)),
                   quote_identifier(get_namespace_name(form->oprnamespace)), NameStr(form->oprname),
                   at + 1);
  ReleaseSysCache(tuple);
}

// False: the message has no such key.
bool ReadKey(const LogRow& row, Key* key) {
  int count = 0;
  bool agrees = true;
  ForEachLiteral(row.key, [&](std::string_view literal) {
    if (count < key->count && agrees) {
      agrees = AgreesWithRecord(row.record, key->columns[count], literal);
      Oid input, io_parameter;
      getTypeInputInfo(key->types[count], &input, &io_parameter);
      if (agrees) {
        key->values[count] = OidInputFunctionCall(input, Unquoted(literal), io_parameter, -1);
      }
    }
    count++;
  });
  return agrees && count > 0 && count == key->count;
}

bool BuildQuery(const Lookup& lookup, Relation relation, StringInfo sql, Key* key) {
  Oid index_oid = KeyIndexOf(relation);
  if (!OidIsValid(index_oid)) return false;
  appendStringInfoString(sql, "SELECT ");
  for (int i = 0; i < lookup.count; i++) {
    if (get_attnum(lookup.relation, lookup.wanted[i].name) <= 0) return false;
    appendStringInfo(sql, "%s%s", i > 0 ? ", " : "", quote_identifier(lookup.wanted[i].name));
  }
  bool partitioned = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
  appendStringInfo(sql, " FROM %s%s", partitioned ? "" : "ONLY ", QualifiedName(lookup.relation));
  Relation index = index_open(index_oid, AccessShareLock);
  key->count = IndexRelationGetNumberOfKeyAttributes(index);
  for (int i = 0; i < key->count; i++) AppendCondition(sql, relation, index, i, key);
  index_close(index, NoLock);
  return ReadKey(*lookup.row, key);
}

// ---- values ------------------------------------------------------------------------------------

void TakeValue(const Lookup& lookup, int at, Oid type, Datum value, bool is_null) {
  StringInfoData text;
  initStringInfo(&text);
  if (is_null) {
    appendStringInfoString(&text, "null");
  } else {
    ValuePlan* plan = PlanValue(type, lookup.number_format, CurrentMemoryContext);
    ColumnResult result = AppendColumn(&text, plan, value, MaxValueBytes(), MaxAllocSize / 4);
    // What would need a note of its own stays unchanged.
    if (result.form != ColumnForm::kPlain) return;
  }
  lookup.wanted[at].value = MemoryContextStrdup(lookup.home, text.data);
}

void Run(const Lookup& lookup) {
  Relation relation = try_relation_open(lookup.relation, AccessShareLock);
  if (relation == nullptr) return;
  StringInfoData sql;
  initStringInfo(&sql);
  Key key;
  bool possible = BuildQuery(lookup, relation, &sql, &key);
  relation_close(relation, NoLock);
  if (!possible) return;
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  int done = SPI_execute_with_args(sql.data, key.count, key.types, key.values, nullptr, true, 1);
  if (done != SPI_OK_SELECT) elog(ERROR, "SPI: %s", SPI_result_code_string(done));
  if (SPI_processed == 1) {
    WithValueSettings([&] {
      for (int i = 0; i < lookup.count; i++) {
        bool is_null;
        TupleDesc columns = SPI_tuptable->tupdesc;
        Datum value = SPI_getbinval(SPI_tuptable->vals[0], columns, i + 1, &is_null);
        TakeValue(lookup, i, SPI_gettypeid(columns, i + 1), value, is_null);
      }
    });
  }
  SPI_finish();
}

// ---- texts -------------------------------------------------------------------------------------

void AppendNames(StringInfo out, const char* member, const Lookup& lookup, bool filled) {
  bool any = false;
  for (int i = 0; i < lookup.count; i++) {
    const Wanted& wanted = lookup.wanted[i];
    if ((wanted.value != nullptr) != filled) continue;
    appendStringInfo(out, any ? "," : ",\"%s\":[", member);
    AppendView(out, wanted.literal);
    any = true;
  }
  if (any) appendStringInfoChar(out, ']');
}

// `list`: where the member of metadata is, from its comma to its closing bracket.
void PutInto(const Lookup& lookup, size_t list_at, size_t list_end, LogRow* row) {
  StringInfoData record, meta;
  initStringInfo(&record);
  initStringInfo(&meta);
  AppendView(&record, row->record.substr(0, row->record.size() - 1));
  for (int i = 0; i < lookup.count; i++) {
    const Wanted& wanted = lookup.wanted[i];
    if (wanted.value == nullptr) continue;
    if (record.len > 1) appendStringInfoChar(&record, ',');
    AppendView(&record, wanted.literal);
    appendStringInfo(&record, ":%s", wanted.value);
  }
  appendStringInfoChar(&record, '}');
  AppendView(&meta, row->meta.substr(0, list_at));
  AppendNames(&meta, "unchanged_columns", lookup, false);
  AppendNames(&meta, "filled_columns", lookup, true);
  AppendView(&meta, row->meta.substr(list_end));
  row->record = ViewOf(record);
  row->meta = ViewOf(meta);
}

}  // namespace

void UnchangedFiller::Fill(LogRow* row) {
  size_t at = row->action == 'u' ? row->meta.find(kMember) : kNone;
  if (at == kNone || row->key.empty() || row->record.size() < 2 || spent_ >= kReceiveMicros) return;
  size_t list = at + kMember.size() - 1;
  size_t end = json::SkipValue(row->meta, list);
  if (end == kNone) return;
  std::string_view names = row->meta.substr(list, end - list);
  Lookup lookup{row,
                FindLogRelation(row->relation).reloid,
                consumer_->number_format,
                nullptr,
                0,
                CurrentMemoryContext};
  ForEachLiteral(names, [&](std::string_view) { lookup.count++; });
  lookup.wanted = NewArray<Wanted>(CurrentMemoryContext, static_cast<size_t>(lookup.count));
  int i = 0;
  ForEachLiteral(names, [&](std::string_view literal) {
    lookup.wanted[i++] = {literal, Unquoted(literal), nullptr};
  });
  int64 start = GetCurrentTimestamp();
  SandboxResult result = InSandbox(consumer_->owner, {kLookupMs, conflict_ ? kNextLockMs : kLockMs},
                                   [&] { Run(lookup); });
  spent_ += GetCurrentTimestamp() - start;
  conflict_ |= result.end == SandboxEnd::kConflict;
  PutInto(lookup, at, end, row);
}

}  // namespace sequin
