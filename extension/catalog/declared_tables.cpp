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

struct Checked {
  const Declaration& declaration;
  Oid owner;
  TableOptions options;
  bool* excluded_found;  // for each of declaration.exclude_columns: some table has it
  bool any;              // a table was looked at
};

// The option of the table or, for children, of the nearest table it inherits from.
const TableOption* OptionOf(const Checked& checked, Oid table) {
  List* names = list_make1_oid(table);
  if (checked.declaration.include_children) {
    names = list_concat(names, InheritanceAncestors(table));
  }
  ListCell* cell;
  foreach (cell, names) {
    const TableOption* option = checked.options.Find(
        get_namespace_name(get_rel_namespace(lfirst_oid(cell))), get_rel_name(lfirst_oid(cell)));
    if (option != nullptr) return option;
  }
  return nullptr;
}

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

[[noreturn]] void RefuseUnreadable(const char* column, Oid table, Oid owner) {
  ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
          errmsg("role \"%s\" may not read column %s of table %s", GetUserNameFromId(owner, false),
                 quote_identifier(column), QualifiedName(table)),
          errdetail("A consumer captures as its owner, who needs SELECT on the column."));
  pg_unreachable();
}

AttrNumber RequireColumn(const char* what, const char* name, Oid table, Oid owner,
                         const char* hint) {
  AttrNumber number = get_attnum(table, name);
  if (number <= 0) {
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
            errmsg("%s %s does not exist in table %s", what, quote_identifier(name),
                   QualifiedName(table)),
            errhint("%s", hint));
  }
  if (get_attgenerated(table, number) == kGeneratedVirtual) {
    ereport(
        ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
        errmsg("%s %s of table %s is a virtual generated column", what, quote_identifier(name),
               QualifiedName(table)),
        errdetail("Its values are not stored, so they are not in the WAL."),
        errhint("Name the columns it is computed from, or make it STORED. Filters may use it."));
  }
  if (!OwnerMayRead(table, number, owner)) RefuseUnreadable(name, table, owner);
  return number;
}

void CheckGroupColumns(const Checked& checked, const TableChoice& choice, Relation table) {
  Bitmapset* columns = nullptr;
  for (const char* name : choice.group_columns) {
    AttrNumber number =
        RequireColumn("group column", name, RelationGetRelid(table), checked.owner,
                      "All tables of a consumer need its group columns, but those that have others "
                      "in table_options.");
    int member = number - FirstLowInvalidHeapAttributeNumber;
    if (bms_is_member(member, columns)) {
      ereport(ERROR, errcode(ERRCODE_DUPLICATE_COLUMN),
              errmsg("group column %s is named twice", quote_identifier(name)));
    }
    columns = bms_add_member(columns, member);
  }
  if (checked.declaration.action_mask & (kUpdate | kDelete)) RequireGroupIdentity(table, columns);
}

void CheckColumns(Checked* checked, const TableChoice& choice, bool own_option, Oid table) {
  for (const char* name : choice.columns) {
    RequireColumn("column", name, table, checked->owner,
                  "All tables of a consumer need its columns; table_options can name others for "
                  "single tables.");
  }
  for (int i = 0; i < choice.exclude_columns.count; i++) {
    const char* name = choice.exclude_columns.items[i];
    bool exists = get_attnum(table, name) > 0;
    if (!own_option) {
      checked->excluded_found[i] |= exists;
    } else if (!exists) {
      ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
              errmsg("column %s does not exist in table %s", quote_identifier(name),
                     QualifiedName(table)),
              errhint("Correct exclude_columns of this table in table_options."));
    }
  }
}

void CheckTable(Checked* checked, Oid oid) {
  Relation table = try_relation_open(oid, AccessShareLock);
  if (table == nullptr) return;  // dropped meanwhile
  const TableOption* option = OptionOf(*checked, oid);
  TableChoice choice = ChoiceOf(ArgumentsOf(checked->declaration), option);
  uint32 actions = checked->declaration.action_mask;
  if (choice.filter != nullptr) {
    CheckFilter(table, InvalidOid, choice.filter, actions, checked->owner);
    if (strcmp(checked->declaration.filter_transition, "insert_delete") == 0) {
      CheckFilterTransition(table, InvalidOid, choice.filter);
    }
  }
  if (choice.custom_group) CheckGroupColumns(*checked, choice, table);
  CheckColumns(checked, choice, option != nullptr && (option->given & kOptionColumns), oid);
  checked->any = true;
  relation_close(table, AccessShareLock);
}

// A misspelt name would let through what it is to hold back.
void RequireExcludedFound(const Checked& checked) {
  const TextList& excluded = checked.declaration.exclude_columns;
  for (int i = 0; checked.any && i < excluded.count; i++) {
    if (checked.excluded_found[i]) continue;
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
            errmsg("column %s of exclude_columns exists in no table of the consumer",
                   quote_identifier(excluded.items[i])),
            errhint("Names of columns are case sensitive here."));
  }
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
  Checked checked{declaration, owner, ReadTableOptions(&declaration.table_options->root), nullptr,
                  false};
  checked.excluded_found =
      static_cast<bool*>(palloc0(sizeof(bool) * (declaration.exclude_columns.count + 1)));
  // An option for a table that does not exist would do nothing, and nobody would notice.
  for (int i = 0; i < checked.options.count; i++) {
    CapturedTable(checked.options.items[i].table, owner);
  }
  bool nothing_to_fit = declaration.filter == nullptr && !declaration.custom_group &&
                        declaration.columns.count == 0 && declaration.exclude_columns.count == 0 &&
                        checked.options.count == 0;
  if (nothing_to_fit) return;
  ForEachCapturedTable({patterns, count},
                       declaration.include_children ? Children::kInclude : Children::kLeaveOut,
                       owner, [&](Oid table) { CheckTable(&checked, table); });
  RequireExcludedFound(checked);
}

}  // namespace sequin
