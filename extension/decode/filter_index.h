// Many tests of columns at once: which of them a row passes costs one search for each column that
// is tested, however many tests there are of it.
#pragma once

#include "decode/row.h"
#include "filter/shape.h"
#include "pg/memory.h"

namespace sequin {

struct TestedRows {
  const Row* by_row[3];  // by TestRow
};

class FilterIndex {
 public:
  explicit FilterIndex(MemoryContext context) : context_(context) { columns_.context = context; }

  // `item` is what Find tells of. The test's constants must live as long as the index.
  void Add(int item, const ColumnTest& test, bool with_nulls);
  // After the last Add.
  void Finish();

  // Visits the items whose test is true, and those added `with_nulls` whose column is null; each
  // once. No value that is looked at may be missing.
  template <typename Visit>
  void Find(const TestedRows& rows, Visit&& visit) const;

 private:
  struct Key {
    int64 integer;
    std::string_view bytes;
    Datum datum;
  };
  struct Test {
    Key key;
    int item;
    bool or_equal;
    size_t at;  // of the key in `keys`
  };
  struct Column {
    TestRow row;
    AttrNumber number;
    TestKind kind;
    Oid type;
    TypeCacheEntry* compares;  // of kFunction
    size_t bytes_max;          // of kBytes: keys are no longer
    Vec<Key> keys;             // distinct, ascending
    Vec<Test> equal;           // by key
    Vec<size_t> equal_from;    // by key, and the end: where its tests begin
    Vec<Test> above;           // column > key (or_equal: >=), by key
    Vec<Test> below;           // column < key (or_equal: <=), by key
    Vec<int> with_nulls;
  };
  struct Place {
    size_t at;  // of the first key that is not less
    bool equal;
  };

  Column* ColumnOf(const ColumnTest& test);
  static Key ToKey(const Column& column, Datum constant);
  static int Compare(const Column& column, const Key& one, const Key& other);
  static void Sort(const Column& column, Vec<Test>* tests);
  static void GatherKeys(Column* column);
  static bool Locate(const Column& column, Datum value, Place* place);

  MemoryContext context_;
  Vec<Column> columns_;
};

template <typename Visit>
void FilterIndex::Find(const TestedRows& rows, Visit&& visit) const {
  for (const Column& column : columns_) {
    const Row& row = *rows.by_row[static_cast<int>(column.row)];
    int at = column.number - 1;
    if (!row.exists || row.nulls[at]) {
      for (int item : column.with_nulls) visit(item);
      continue;
    }
    Place place;
    if (!Locate(column, row.values[at], &place)) continue;
    if (place.equal && !column.equal_from.empty()) {
      for (size_t i = column.equal_from[place.at]; i < column.equal_from[place.at + 1]; i++) {
        visit(column.equal[i].item);
      }
    }
    for (const Test& test : column.above) {
      if (test.at > place.at) break;
      if (test.at < place.at || (place.equal && test.or_equal)) visit(test.item);
    }
    for (size_t i = column.below.count; i > 0 && column.below[i - 1].at >= place.at; i--) {
      const Test& test = column.below[i - 1];
      if (test.at > place.at || !place.equal || test.or_equal) visit(test.item);
    }
  }
}

}  // namespace sequin
