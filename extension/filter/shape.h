// What is known of a filter without evaluating it: whether it can fail, and a test of one column
// that holds wherever the filter does. Many filters are told apart by such tests together
// (decode/filter_index.h).
#pragma once

#include "pg/prelude.h"

namespace sequin {

enum class TestRow : uint8_t { kOld, kNew, kPlain };

enum class TestOperator : uint8_t { kLess, kLessEqual, kEqual, kGreaterEqual, kGreater };

// How values are compared.
enum class TestKind : uint8_t {
  kInteger,   // as int64: numbers, times, booleans, enums (equality only)
  kBytes,     // byte by byte: equality only
  kFunction,  // by what compares the type in a btree
};

// `column operator constant`; for equality one of several constants.
struct ColumnTest {
  TestRow row;
  AttrNumber column;
  TestOperator op;
  TestKind kind;
  Oid type;          // as which the column is read; of an enum ANYENUMOID
  Datum* constants;  // of kInteger: Int64GetDatum
  int count;
};

struct FilterShape {
  bool can_fail;  // false: nothing but comparisons that have an answer for every value
  // Where the test is false, so is the filter; where the column is null the filter is not true, but
  // one that can fail may do so.
  bool has_test;
  bool is_test;  // it is nothing but the test
  ColumnTest test;
};

// Of a planned tree, its rows numbered as in expression.h. Constants are those of the tree, the
// rest is in the current memory context.
FilterShape ShapeOf(Node* tree);

// A value of such a type as an integer.
int64 IntegerOf(Oid type, Datum value);

}  // namespace sequin
