// Which tables a consumer may capture: their kind, and the rights of its owner.
#pragma once

#include "catalog/table_match.h"
#include "pg/prelude.h"

namespace sequin {

// Whether `owner` can read every row of the table: SELECT on it, USAGE of its schema, and no row
// security that hides rows. Asked by declarations and by capture (under the historic snapshot).
bool OwnerMayCapture(Oid table, Oid owner);

// The table of that name. ERROR 42P01 when there is none, 42809 when it has no changes in the WAL
// or they are published under another name, 42501 when `owner` may not read all of it.
Oid CapturedTable(const TablePattern& pattern, Oid owner);

// The table can be captured, and `owner` may: no error.
bool IsCapturable(Form_pg_class table, Oid owner);

// Visits the OID of each table that matches one of the patterns and that `owner` may capture.
template <typename Visit>
void ForEachCapturedTable(std::span<const TablePattern> patterns, Oid owner, Visit&& visit) {
  List* found = NIL;
  Relation catalog = table_open(RelationRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, nullptr, 0, nullptr);
  for (HeapTuple tuple; (tuple = systable_getnext(scan)) != nullptr;) {
    auto* table = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    if (!IsCapturable(table, owner)) continue;
    const char* schema = get_namespace_name(table->relnamespace);
    for (const TablePattern& pattern : patterns) {
      if (!pattern.Matches(schema, NameStr(table->relname))) continue;
      found = lappend_oid(found, table->oid);
      break;
    }
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  ListCell* cell;
  foreach (cell, found) visit(lfirst_oid(cell));
}

}  // namespace sequin
