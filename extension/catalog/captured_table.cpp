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
          errdetail("A consumer captures as its owner, who needs SELECT on the table and USAGE of "
                    "its schema."));
  pg_unreachable();
}

}  // namespace

bool OwnerMayCapture(Oid table, Oid owner) {
  return pg_class_aclcheck(table, owner, ACL_SELECT) == ACLCHECK_OK &&
         pg_namespace_aclcheck(get_rel_namespace(table), owner, ACL_USAGE) == ACLCHECK_OK &&
         check_enable_rls(table, owner, true) != RLS_ENABLED;
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
