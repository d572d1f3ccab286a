// One row of a decoded change: its values, and the texts that a message is made of.
#pragma once

#include "decode/relation_plan.h"

namespace sequin {

// Values of a tuple by attribute number − 1. Where `absent` is set the WAL did not carry the
// value (an unchanged TOASTed one) and `values` means nothing.
struct Row {
  bool exists;
  Datum* values;
  bool* nulls;
  bool* absent;
};

struct RowBuffers {
  Row before;
  Row after;
  int capacity;
};

// Makes room for relations of `columns` columns.
void ReserveRows(RowBuffers* buffers, int columns, MemoryContext context);

// Takes a tuple apart. `tuple` == nullptr: the row does not exist.
void LoadRow(Row* row, const RelationPlan* plan, HeapTuple tuple);

// Where `after` lacks a value that `before` has (a column of the identity), takes it from there.
void FillUnchanged(const RelationPlan* plan, Row* after, const Row& before);

// `{"a":1,…}`. With `identity_only` just the columns whose old values the WAL carries. Columns
// that are absent or larger than the limit are left out and named in `unchanged` and `omitted`
// (JSON strings separated by commas).
void AppendRecord(StringInfo out, const RelationPlan* plan, const Row& row, bool identity_only,
                  StringInfo unchanged, StringInfo omitted);

// Previous values of the columns that differ, `{}` when none is known.
void AppendChanges(StringInfo out, const RelationPlan* plan, const Row& before, const Row& after);

// `["1","a"]`: the values of these columns as JSON strings (null stays null).
void AppendKey(StringInfo out, const RelationPlan* plan, const Row& row, const int* columns,
               int count);

}  // namespace sequin
