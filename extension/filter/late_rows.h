// The rows of a change, rebuilt from the texts of the log as rows of the present table.
#pragma once

#include "filter/late_filter.h"

namespace sequin {

struct RowsOfChange {  // nullptr: no such row, or nobody looks at it
  HeapTupleHeader old_row;
  HeapTupleHeader new_row;
};

// ERROR 55000 when one of `columns` has no value in the change: it was not logged, was too large,
// or the table had no such column then.
RowsOfChange RebuildRows(Relation relation, const FilterColumns& columns, const LateChange& change);

}  // namespace sequin
