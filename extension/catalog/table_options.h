// table_options of a consumer: for single tables, other values than its arguments have.
//
//   {"schema.table": {"filter": text, "group_columns": [name, …], "columns": [name, …],
//                     "exclude_columns": [name, …]}, …}
//
// A member that is missing or null leaves the argument in force. columns and exclude_columns go
// together: one of them replaces both arguments. Read by declarations, which refuse what is wrong,
// and by capture, from the WAL.
#pragma once

#include "catalog/table_match.h"
#include "catalog/text_list.h"
#include "pg/prelude.h"

namespace sequin {

// What a consumer wants of one table.
struct TableChoice {
  const char* filter = nullptr;  // none
  bool custom_group = false;
  TextList group_columns;
  TextList columns;  // none: all but exclude_columns
  TextList exclude_columns;
};

enum TableOptionMember : uint32 {
  kOptionFilter = 1,
  kOptionGroup = 2,
  kOptionColumns = 4,
};

struct TableOption {
  TablePattern table;
  uint32 given = 0;  // TableOptionMember
  TableChoice choice;
};

struct TableOptions {
  TableOption* items = nullptr;
  int count = 0;

  const TableOption* Find(std::string_view schema, std::string_view table) const;
};

// ERROR 22023 for names that are no tables, unknown members and wrong kinds of values. Allocates in
// the current memory context.
TableOptions ReadTableOptions(JsonbContainer* json);

// The same with the names of tables as quote_identifier writes them.
Jsonb* CanonicalTableOptions(Jsonb* json);

// The arguments, but for what the option gives. `option` may be nullptr.
TableChoice ChoiceOf(const TableChoice& arguments, const TableOption* option);

}  // namespace sequin
