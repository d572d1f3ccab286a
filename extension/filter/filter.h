// SQL `where` over one change: `new`, `old` and plain column names, as an expression the executor
// runs while decoding.
//
// Three range table entries stand for the row: OLD (varno 1), NEW (varno 2), and the plain row
// (varno 3), which is NEW for insert and update and OLD for delete.
#pragma once

#include "pg/prelude.h"

namespace sequin {

enum ActionMask : uint32 { kInsert = 1, kUpdate = 2, kDelete = 4, kTruncate = 8, kAllActions = 15 };

// Checks, for create_consumer and alter_consumer, that `sql` is a filter for `relation` and that
// everything it looks at is in the WAL for these actions. ERROR with position, detail and hint:
//   42601 syntax, 42703 unknown column, 42804 not boolean, 0A000 subquery, aggregate, or anything
//   that is not a built-in immutable expression, 55000 old values that the replica identity
//   does not carry.
void CheckFilter(Relation relation, const char* sql, uint32 actions);

// Checks, for filter_transition => insert_delete, that whether the old row of an update matched can
// be told: every column of the filter is logged. ERROR 55000.
void CheckFilterTransition(Relation relation, const char* sql);
// The same question while decoding, without an error. Raises when the filter does not compile.
bool FilterKnowsOldRow(Relation relation, const char* sql);

// Only that it is one expression: for patterns that match no table yet. ERROR 42601, 0A000.
void CheckFilterSyntax(const char* sql);

// One compiled filter. Lives in `context` with all it needs; compiled again when the relation's
// definition changes.
struct CompiledFilter;

// Compiles for decoding: works under a historic snapshot. Raises like CheckFilter.
CompiledFilter* CompileFilter(Relation relation, const char* sql, MemoryContext context);

// Evaluates; null counts as false. `old_tuple` or `new_tuple` may be nullptr (no such row).
// Columns the old tuple does not carry must have been filled by the caller or are NULL. Raises
// what the expression raises: callers run it in a subtransaction. Uses the filter's own per-tuple
// context, reset at every call.
bool EvaluateFilter(CompiledFilter* filter, HeapTuple old_tuple, HeapTuple new_tuple);

}  // namespace sequin
