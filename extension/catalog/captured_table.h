// Which tables a consumer may capture: their kind, and the rights of its owner.
#pragma once

#include "catalog/table_match.h"
#include "pg/prelude.h"

namespace sequin {

// Whether `owner` can read every row of the table: SELECT on it or on some of its columns, USAGE of
// its schema, and no row security that hides rows. Asked by declarations and by capture (under the
// historic snapshot).
bool OwnerMayCapture(Oid table, Oid owner);

// Whether `owner` may read all columns of the table, and one of them.
bool OwnerMayReadAll(Oid table, Oid owner);
bool OwnerMayRead(Oid table, AttrNumber column, Oid owner);

// The tables that `table` inherits from, nearest first. Not those that it is a partition of.
List* InheritanceAncestors(Oid table);

// The table of that name. ERROR 42P01 when there is none, 42809 when it has no changes in the WAL
// or they are published under another name, 42501 when `owner` may not read all of it.
Oid CapturedTable(const TablePattern& pattern, Oid owner);

// The table can be captured, and `owner` may: no error.
bool IsCapturable(Form_pg_class table, Oid owner);

enum class Children { kLeaveOut, kInclude };

// Whether one of the patterns is about the table or, with children, about one it inherits from.
bool PatternsName(std::span<const TablePattern> patterns, Form_pg_class table, Children children);

// Visits the OID of each table that the patterns name and that `owner` may capture.
template <typename Visit>
void ForEachCapturedTable(std::span<const TablePattern> patterns, Children children, Oid owner,
                          Visit&& visit) {
  List* found = NIL;
  Relation catalog = table_open(RelationRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, nullptr, 0, nullptr);
  for (HeapTuple tuple; (tuple = systable_getnext(scan)) != nullptr;) {
    auto* table = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    if (!PatternsName(patterns, table, children) || !IsCapturable(table, owner)) continue;
    found = lappend_oid(found, table->oid);
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  ListCell* cell;
  foreach (cell, found) visit(lfirst_oid(cell));
}

}  // namespace sequin
