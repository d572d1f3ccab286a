// SQL `where` over one change: `new`, `old` and plain column names, as an expression the executor
// runs while decoding.
//
// Three range table entries stand for the row: OLD (varno 1), NEW (varno 2), and the plain row
// (varno 3), which is NEW for insert and update and OLD for delete.
#pragma once

#include "filter/shape.h"
#include "pg/prelude.h"

namespace sequin {

enum ActionMask : uint32 {
  kInsert = 1,
  kUpdate = 2,
  kDelete = 4,
  kTruncate = 8,
  kAllActions = 15,
  kRead = 16
};

// Where a filter is evaluated. The user does not choose: what decoding can compute, it does.
enum class FilterTier {
  kDecode,  // built in and immutable: while the WAL is decoded
  kClaim,   // anything else: when the message is claimed, in the database as it is then
};

// Checks, for filter_transition => insert_delete, that whether the old row of an update matched can
// be told: decoding evaluates the filter, and every column of it is logged. ERROR 55000, 0A000.
void CheckFilterTransition(Relation relation, Oid published, const char* sql);

struct FilterReport {
  FilterTier tier;
  const char* reason;  // of kClaim
};

// Checks, for create_consumer and alter_consumer, that `sql` is a filter for `relation` and that
// everything it looks at is in the WAL for these actions, and may be read by `owner`, whose rights
// a filter has that is evaluated late. `published` as in expression.h. ERROR with position, detail
// and hint:
//   42601 syntax, 42703 unknown column, 42804 not boolean, 42803 aggregate, 42P20 window function,
//   0A000 function that returns a set, 55000 old values that the replica identity does not carry,
//   54000 a huge constant, 42501 a column that the owner may not read.
FilterReport CheckFilter(Relation relation, Oid published, const char* sql, uint32 actions,
                         Oid owner);

// Only that it is one expression: for patterns that match no table yet. ERROR 42601, 42P02.
void CheckFilterSyntax(const char* sql);

// The rows of one change, for all filters of its table: taken apart once, as far as any of them
// needs it.
struct FilterRows;
FilterRows* NewFilterRows(TupleDesc descriptor, MemoryContext context);
// `old_tuple` or `new_tuple` may be nullptr (no such row). Columns the old tuple does not carry
// must have been filled by the caller or are NULL. Resets what evaluations have allocated.
void SetFilterRows(FilterRows* rows, HeapTuple old_tuple, HeapTuple new_tuple);

// One compiled filter. Lives in `context` with all it needs; compiled again when the relation's
// definition changes.
struct CompiledFilter;

// Compiles for decoding: works under a historic snapshot. Raises like CheckFilter, and 0A000 for
// what decoding cannot compute. Run it in a subtransaction.
CompiledFilter* CompileFilter(Relation relation, Oid published, const char* sql,
                              MemoryContext context);

// Whether all that it says of a row can be told of the old row of an update, too.
bool FilterKnowsOldRow(Relation relation, const CompiledFilter* filter);

// Updates and deletes whose rows lack values that it looks at: the replica identity is not, or not
// any more, what CheckFilter asks for. An ActionMask.
uint32 UnloggedActions(Relation relation, const CompiledFilter* filter);

// Whether it looks at columns that `readable` says no to.
bool FilterLooksAt(Relation relation, const CompiledFilter* filter,
                   bool (*readable)(AttrNumber column, void* argument), void* argument);

const FilterShape& ShapeOf(const CompiledFilter* filter);

// Null counts as false. Raises what the expression raises: callers run it in a subtransaction.
bool EvaluateFilter(CompiledFilter* filter, FilterRows* rows);

}  // namespace sequin
