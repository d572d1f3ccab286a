// A filter that decoding cannot evaluate, or failed to: as a query against the present catalog,
// over one change as the log has it. new, old, plain columns, action, table_schema and table_name
// are parameters of the query, so that functions, subqueries and SQL's rules for names work as
// always.
//
// All of it runs in a sandbox (sandbox.h): reading a text looks names up and may run code.
#pragma once

#include "filter/expression.h"

namespace sequin {

// A change as the log has it.
struct LateChange {
  char action;  // i u d r
  PublishedName name;
  std::string_view record;
  std::string_view changes;
  std::string_view meta;
};

// Columns that a filter looks at, numbered as in FilterExpression.
struct FilterColumns {
  Bitmapset* old_row = nullptr;
  Bitmapset* new_row = nullptr;
  Bitmapset* plain_row = nullptr;
};

// Checks the text against the present catalog. The columns are allocated in the current context.
FilterColumns CheckLateFilter(Relation relation, const PublishedName& name, const char* sql);

class LateFilter;

// Kept in `context` and, as far as the server caches plans, until FreeLateFilter. Raises as
// CheckLateFilter.
LateFilter* NewLateFilter(Relation relation, const PublishedName& name, const char* sql,
                          MemoryContext context);
void FreeLateFilter(LateFilter* filter);
// False: the table or something that the filter uses was changed. Make it anew.
bool LateFilterFits(const LateFilter* filter);
// Null counts as false. Raises what the filter raises, and 55000 when it needs a value that the
// change does not have.
bool EvaluateLateFilter(LateFilter* filter, Relation relation, const LateChange& change);

}  // namespace sequin
