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

// What the metadata says of the columns of `record` or of `changes`: JSON strings, with commas.
struct ColumnNotes {
  StringInfoData omitted;
  StringInfoData reasons;  // members `"name":"why it was omitted"`
  StringInfoData json_null;
  StringInfoData hex;
};

struct RowNotes {
  StringInfoData unchanged;
  ColumnNotes record;
  ColumnNotes changes;
};

void InitNotes(RowNotes* notes);
void ClearNotes(RowNotes* notes);
// Appends members of the metadata, each with a comma in front; nothing when there are no notes.
void AppendNotes(StringInfo out, const RowNotes& notes);

// `{"a":1,…}`. With `identity_only` just the columns whose old values the WAL carries. Columns
// that are absent, and those that do not fit, are left out and named in the notes.
void AppendRecord(StringInfo out, const RelationPlan* plan, const FormPlan& form, const Row& row,
                  bool identity_only, size_t bytes_max, RowNotes* notes);

// Previous values of the columns that differ, `{}` when none is known.
void AppendChanges(StringInfo out, const RelationPlan* plan, const FormPlan& form,
                   const Row& before, const Row& after, size_t bytes_max, RowNotes* notes);

// `["1","a"]`: the values of these columns as JSON strings (null stays null).
void AppendKey(StringInfo out, const RelationPlan* plan, const Row& row, const int* columns,
               int count);

// `[1,"a"]`: the values that name the group, in the form's number format.
void AppendGroup(StringInfo out, const FormPlan& form, const Row& row);

// Whether the row has a value for each of these columns.
bool HasValues(const RelationPlan* plan, const Row& row, const int* columns, int count);

}  // namespace sequin
