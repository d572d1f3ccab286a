// Leaves columns out of the texts of a log row, without reading their values: for candidates, whose
// rows have all columns since their filter may look at any.
#pragma once

#include "catalog/table_options.h"
#include "log/reader.h"

namespace sequin {

// The consumer has all columns, or only some.
inline bool ChoosesColumns(const TableChoice& choice) {
  return choice.columns.count > 0 || choice.exclude_columns.count > 0;
}

// Replaces record, changes and the lists of columns in meta, in the current memory context.
void ProjectRow(const TableChoice& choice, LogRow* row);

}  // namespace sequin
