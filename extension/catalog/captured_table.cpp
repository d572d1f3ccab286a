// Kinds of tables and rights to them (captured_table.h).
#include "catalog/captured_table.h"

#include "catalog/replica_identity.h"
#include "pg/table.h"

namespace sequin {
namespace {

bool OwnSchemaOrCatalog(Oid schema) {
  if (IsCatalogNamespace(schema) || IsToastNamespace(schema) || schema == OwnSchema(true)) {
    return true;
  }
  const char* name = get_namespace_name(schema);
  return name != nullptr && strcmp(name, "information_schema") == 0;
}

const char* KindName(char kind) {
  switch (kind) {
    case RELKIND_VIEW:
      return "a view";
    case RELKIND_MATVIEW:
      return "a materialized view";
    case RELKIND_FOREIGN_TABLE:
      return "a foreign table";
    case RELKIND_SEQUENCE:
      return "a sequence";
    case RELKIND_INDEX:
    case RELKIND_PARTITIONED_INDEX:
      return "an index";
    case RELKIND_COMPOSITE_TYPE:
      return "a composite type";
    default:
      return "not a table";
  }
}

// Why the changes of a relation are never published under its name; nullptr: they are.
const char* WhyNotCaptured(Form_pg_class table) {
  if (OwnSchemaOrCatalog(table->relnamespace)) return "a table of the system";
  if (table->relkind != RELKIND_RELATION && table->relkind != RELKIND_PARTITIONED_TABLE) {
    return KindName(table->relkind);
  }
  if (table->relpersistence == RELPERSISTENCE_TEMP) return "a temporary table";
  if (table->relpersistence == RELPERSISTENCE_UNLOGGED) return "an unlogged table";
  if (table->relispartition) return "a partition";
  return nullptr;
}

[[noreturn]] void RaiseWrongKind(Oid table, const char* kind, bool partition) {
  List* ancestors = partition ? get_partition_ancestors(table) : NIL;
  const char* root = ancestors == NIL ? nullptr : QualifiedName(llast_oid(ancestors));
  ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
          errmsg("%s is %s, which cannot be captured", QualifiedName(table), kind),
          root ? errdetail("Its changes are published as those of %s.", root)
               : errdetail("Only permanent tables and partitioned tables can be."),
          root ? errhint("Name %s.", root) : 0);
  pg_unreachable();
}

[[noreturn]] void RaiseNoRight(Oid table, Oid owner) {
  const char* role = GetUserNameFromId(owner, false);
  if (check_enable_rls(table, owner, true) == RLS_ENABLED) {
    ereport(
        ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
        errmsg("row security of table %s hides rows from role \"%s\"", QualifiedName(table), role),
        errdetail("A consumer captures all rows of a table, as its owner."),
        errhint("Make the consumer as the owner of the table, or as a role with BYPASSRLS."));
  }
  ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
          errmsg("role \"%s\" may not read table %s", role, QualifiedName(table)),
          errdetail("A consumer captures as its owner, who needs SELECT on the table or on columns "
                    "of it, and USAGE of its schema."));
  pg_unreachable();
}

}  // namespace

bool OwnerMayReadAll(Oid table, Oid owner) {
  return pg_class_aclcheck(table, owner, ACL_SELECT) == ACLCHECK_OK;
}

bool OwnerMayRead(Oid table, AttrNumber column, Oid owner) {
  return OwnerMayReadAll(table, owner) ||
         pg_attribute_aclcheck(table, column, owner, ACL_SELECT) == ACLCHECK_OK;
}

bool OwnerMayCapture(Oid table, Oid owner) {
  bool some = OwnerMayReadAll(table, owner) ||
              pg_attribute_aclcheck_all(table, owner, ACL_SELECT, ACLMASK_ANY) == ACLCHECK_OK;
  return some && pg_namespace_aclcheck(get_rel_namespace(table), owner, ACL_USAGE) == ACLCHECK_OK &&
         check_enable_rls(table, owner, true) != RLS_ENABLED;
}

List* InheritanceAncestors(Oid table) {
  List* found = NIL;
  Relation catalog = table_open(InheritsRelationId, AccessShareLock);
  Oid child = table;
  for (int at = -1; at < list_length(found); at++) {
    if (at >= 0) child = list_nth_oid(found, at);
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(child));
    SysScanDesc scan =
        systable_beginscan(catalog, InheritsRelidSeqnoIndexId, true, nullptr, 1, &key);
    for (HeapTuple tuple; (tuple = systable_getnext(scan)) != nullptr;) {
      found = list_append_unique_oid(
          found, reinterpret_cast<Form_pg_inherits>(GETSTRUCT(tuple))->inhparent);
    }
    systable_endscan(scan);
  }
  table_close(catalog, AccessShareLock);
  return found;
}

static bool PatternsMatch(std::span<const TablePattern> patterns, Oid schema, const char* table) {
  const char* schema_name = get_namespace_name(schema);
  if (schema_name == nullptr || table == nullptr) return false;
  for (const TablePattern& pattern : patterns) {
    if (pattern.Matches(schema_name, table)) return true;
  }
  return false;
}

bool PatternsName(std::span<const TablePattern> patterns, Form_pg_class table, Children children) {
  if (PatternsMatch(patterns, table->relnamespace, NameStr(table->relname))) return true;
  if (children == Children::kLeaveOut || table->relispartition) return false;
  ListCell* cell;
  foreach (cell, InheritanceAncestors(table->oid)) {
    Oid ancestor = lfirst_oid(cell);
    if (PatternsMatch(patterns, get_rel_namespace(ancestor), get_rel_name(ancestor))) return true;
  }
  return false;
}

bool IsCapturable(Form_pg_class table, Oid owner) {
  return WhyNotCaptured(table) == nullptr && OwnerMayCapture(table->oid, owner);
}

Oid CapturedTable(const TablePattern& pattern, Oid owner) {
  Oid schema = get_namespace_oid(pattern.schema.text, true);
  Oid table = OidIsValid(schema) ? get_relname_relid(pattern.table.text, schema) : InvalidOid;
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
  if (!HeapTupleIsValid(tuple)) {
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
            errmsg("table %s does not exist",
                   quote_qualified_identifier(pattern.schema.text, pattern.table.text)),
            errhint("Names are read as SQL does: put a name with capital letters in double "
                    "quotes."));
  }
  auto* form = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
  const char* kind = WhyNotCaptured(form);
  bool partition = form->relispartition;
  ReleaseSysCache(tuple);
  if (kind != nullptr) RaiseWrongKind(table, kind, partition);
  if (!OwnerMayCapture(table, owner)) RaiseNoRight(table, owner);
  return table;
}

}  // namespace sequin
