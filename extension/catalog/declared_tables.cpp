// Does a declaration fit the tables that match now? (declaration.h)
//
// Tables that come or change later are looked at when they are captured: what does not fit then is
// an error of that consumer, never of capture.
#include "catalog/captured_table.h"
#include "catalog/declaration.h"
#include "catalog/replica_identity.h"
#include "filter/filter.h"

namespace sequin {
namespace {

void RequireGroupIdentity(Relation table, const Bitmapset* columns) {
  IdentityGap gap;
  if (!FindIdentityGap(table, columns, &gap)) return;
  ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
          errmsg("group column %s is not part of the replica identity of table %s",
                 quote_identifier(gap.column), gap.table),
          errdetail("The replica identity of the table has: %s. Without its old value an update or "
                    "delete cannot be put in its group.",
                    DescribeIdentity(gap.relation)),
          errhint("Run ALTER TABLE %s REPLICA IDENTITY FULL, or leave 'update' and 'delete' out of "
                  "the actions.",
                  gap.table));
}

void CheckGroupColumns(const Declaration& declaration, Relation table) {
  Bitmapset* columns = nullptr;
  for (const char* name : declaration.group_columns) {
    AttrNumber number = get_attnum(RelationGetRelid(table), name);
    if (number <= 0) {
      ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
              errmsg("group column %s does not exist in table %s", quote_identifier(name),
                     QualifiedName(RelationGetRelid(table))),
              errhint("All tables of a consumer need its group columns."));
    }
    int member = number - FirstLowInvalidHeapAttributeNumber;
    if (bms_is_member(member, columns)) {
      ereport(ERROR, errcode(ERRCODE_DUPLICATE_COLUMN),
              errmsg("group column %s is named twice", quote_identifier(name)));
    }
    columns = bms_add_member(columns, member);
  }
  if (declaration.action_mask & (kUpdate | kDelete)) RequireGroupIdentity(table, columns);
}

void CheckTable(const Declaration& declaration, Oid oid) {
  Relation table = try_relation_open(oid, AccessShareLock);
  if (table == nullptr) return;  // dropped meanwhile
  if (declaration.filter != nullptr) {
    CheckFilter(table, declaration.filter, declaration.action_mask);
  }
  if (declaration.custom_group) CheckGroupColumns(declaration, table);
  relation_close(table, AccessShareLock);
}

void RequireSchema(const TablePattern& pattern) {
  if (pattern.any_schema || OidIsValid(get_namespace_oid(pattern.schema.text, true))) return;
  ereport(ERROR, errcode(ERRCODE_UNDEFINED_SCHEMA),
          errmsg("schema %s does not exist", quote_identifier(pattern.schema.text)));
}

}  // namespace

void CheckDeclaredTables(const Declaration& declaration, Oid owner) {
  auto* patterns = static_cast<TablePattern*>(
      palloc0(sizeof(TablePattern) * static_cast<size_t>(declaration.tables.count)));
  size_t count = 0;
  for (const char* text : declaration.tables) {
    TablePattern& pattern = patterns[count++];
    ParseTablePattern(text, &pattern);
    if (pattern.any_table) {
      RequireSchema(pattern);
    } else {
      CapturedTable(pattern, owner);
    }
  }
  if (declaration.filter != nullptr) CheckFilterSyntax(declaration.filter);
  if (declaration.filter == nullptr && !declaration.custom_group) return;
  ForEachCapturedTable({patterns, count}, owner,
                       [&](Oid table) { CheckTable(declaration, table); });
}

}  // namespace sequin
