// Making and searching the index (filter_index.h).
#include "decode/filter_index.h"

#include <algorithm>

#include "pg/table.h"

namespace sequin {

FilterIndex::Column* FilterIndex::ColumnOf(const ColumnTest& test) {
  for (Column& column : columns_) {
    if (column.row == test.row && column.number == test.column && column.type == test.type) {
      return &column;
    }
  }
  Column column{};
  column.row = test.row;
  column.number = test.column;
  column.kind = test.kind;
  column.type = test.type;
  if (test.kind == TestKind::kFunction) {
    column.compares = lookup_type_cache(test.type, TYPECACHE_CMP_PROC_FINFO);
  }
  column.keys.context = column.equal.context = column.equal_from.context = context_;
  column.above.context = column.below.context = column.with_nulls.context = context_;
  columns_.push(column);
  return &columns_.back();
}

FilterIndex::Key FilterIndex::ToKey(const Column& column, Datum constant) {
  Key key{};
  if (column.kind == TestKind::kInteger) key.integer = DatumGetInt64(constant);
  if (column.kind == TestKind::kBytes) key.bytes = TextView(constant);
  key.datum = constant;
  return key;
}

int FilterIndex::Compare(const Column& column, const Key& one, const Key& other) {
  switch (column.kind) {
    case TestKind::kInteger:
      return one.integer < other.integer ? -1 : one.integer > other.integer;
    case TestKind::kBytes:
      return one.bytes.compare(other.bytes);
    default:
      return DatumGetInt32(
          FunctionCall2Coll(&column.compares->cmp_proc_finfo, InvalidOid, one.datum, other.datum));
  }
}

void FilterIndex::Add(int item, const ColumnTest& test, bool with_nulls) {
  InContext(context_, [&] {
    Column* column = ColumnOf(test);
    if (with_nulls) column->with_nulls.push(item);
    bool above = test.op == TestOperator::kGreater || test.op == TestOperator::kGreaterEqual;
    bool below = test.op == TestOperator::kLess || test.op == TestOperator::kLessEqual;
    Vec<Test>& tests = above ? column->above : below ? column->below : column->equal;
    for (int i = 0; i < test.count; i++) {
      Test one{};
      one.key = ToKey(*column, test.constants[i]);
      one.item = item;
      one.or_equal = test.op == TestOperator::kGreaterEqual || test.op == TestOperator::kLessEqual;
      tests.push(one);
    }
  });
}

void FilterIndex::Sort(const Column& column, Vec<Test>* tests) {
  std::sort(tests->begin(), tests->end(), [&](const Test& one, const Test& other) {
    int order = Compare(column, one.key, other.key);
    return order != 0 ? order < 0 : one.item < other.item;
  });
}

void FilterIndex::GatherKeys(Column* column) {
  for (const Vec<Test>* tests : {&column->equal, &column->above, &column->below}) {
    for (const Test& test : *tests) column->keys.push(test.key);
  }
  auto less = [&](const Key& one, const Key& other) { return Compare(*column, one, other) < 0; };
  std::sort(column->keys.begin(), column->keys.end(), less);
  auto same = [&](const Key& one, const Key& other) { return Compare(*column, one, other) == 0; };
  Key* end = std::unique(column->keys.begin(), column->keys.end(), same);
  column->keys.count = static_cast<size_t>(end - column->keys.begin());
  for (const Key& key : column->keys) column->bytes_max = Max(column->bytes_max, key.bytes.size());
  for (Vec<Test>* tests : {&column->equal, &column->above, &column->below}) {
    for (Test& test : *tests) {
      Key* at = std::lower_bound(column->keys.begin(), column->keys.end(), test.key, less);
      test.at = static_cast<size_t>(at - column->keys.begin());
    }
  }
}

void FilterIndex::Finish() {
  InContext(context_, [&] {
    for (Column& column : columns_) {
      for (Vec<Test>* tests : {&column.equal, &column.above, &column.below}) {
        Sort(column, tests);
      }
      // `IN (1, 1)`: an item is visited once.
      auto twice = [&](const Test& one, const Test& other) {
        return one.item == other.item && Compare(column, one.key, other.key) == 0;
      };
      Test* end = std::unique(column.equal.begin(), column.equal.end(), twice);
      column.equal.count = static_cast<size_t>(end - column.equal.begin());
      GatherKeys(&column);
      if (column.equal.empty()) continue;
      size_t next = 0;
      for (size_t key = 0; key <= column.keys.count; key++) {
        while (next < column.equal.count && column.equal[next].at < key) next++;
        column.equal_from.push(next);
      }
    }
  });
}

// False: no test of it can be true. A long text is not fetched to be told from short ones.
bool FilterIndex::Locate(const Column& column, Datum value, Place* place) {
  Key key{};
  key.datum = value;
  if (column.kind == TestKind::kInteger) {
    key.integer = IntegerOf(column.type, value);
  } else if (column.kind == TestKind::kBytes) {
    if (toast_raw_datum_size(value) - VARHDRSZ > column.bytes_max) return false;
    key.bytes = TextView(value);
  } else if (column.compares->typlen == -1) {
    key.datum = PointerGetDatum(PG_DETOAST_DATUM(value));
  }
  size_t low = 0;
  size_t high = column.keys.count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (Compare(column, column.keys[middle], key) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  place->at = low;
  place->equal = low < column.keys.count && Compare(column, column.keys[low], key) == 0;
  return true;
}

}  // namespace sequin
