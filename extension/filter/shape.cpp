// The shape of a filter (shape.h).
#include "filter/shape.h"

#include <algorithm>

#include "filter/expression.h"
#include "pg/memory.h"

namespace sequin {
namespace {

// ---- types -------------------------------------------------------------------------------------

constexpr Oid kIntegers[] = {INT2OID, INT4OID, INT8OID};
// One word each, in the order of the numbers they are.
constexpr Oid kWords[] = {BOOLOID, OIDOID,       DATEOID,        TIMEOID,
                          CASHOID, TIMESTAMPOID, TIMESTAMPTZOID, CHAROID};
// Of a fixed size or short, and comparing them never fails.
constexpr Oid kOthers[] = {NUMERICOID, FLOAT4OID,   FLOAT8OID, UUIDOID,
                           TIMETZOID,  INTERVALOID, MACADDROID};
// As long as they like: comparing them for equality looks at their sizes first.
constexpr Oid kLong[] = {TEXTOID, BYTEAOID};

template <size_t count>
bool IsOneOf(Oid type, const Oid (&list)[count]) {
  return std::find(list, list + count, type) != list + count;
}

// One comparison as the btree families have it.
struct Reading {
  int strategy;  // BTLessStrategyNumber …, kNotEqualStrategy; 0: none that is known to be good
  Oid left;
  Oid right;
};

// A family of a user's may order its type in another way.
bool HasAnswer(const OperatorReading& one, Oid collation) {
  if (one.opfamily_id >= FirstNormalObjectId) return false;
  int strategy = StrategyOf(one);
  bool equality = strategy == BTEqualStrategyNumber || strategy == kNotEqualStrategy;
  if (IsOneOf(one.oplefttype, kIntegers)) return IsOneOf(one.oprighttype, kIntegers);
  if (one.oplefttype != one.oprighttype) return false;
  if (IsOneOf(one.oplefttype, kWords) || IsOneOf(one.oplefttype, kOthers)) return true;
  if (one.oplefttype == ANYENUMOID) return equality;
  if (!IsOneOf(one.oplefttype, kLong) || !equality) return false;
  return !OidIsValid(collation) || get_collation_isdeterministic(collation);
}

Reading ReadingOf(Oid op, Oid collation) {
  ListCell* cell;
  foreach (cell, OperatorReadings(op)) {
    auto* one = static_cast<OperatorReading*>(lfirst(cell));
    if (HasAnswer(*one, collation)) return {StrategyOf(*one), one->oplefttype, one->oprighttype};
  }
  return Reading{};
}

// ---- what cannot fail --------------------------------------------------------------------------

bool CanFail(Node* node);

bool AnyCanFail(List* nodes) {
  ListCell* cell;
  foreach (cell, nodes) {
    if (CanFail(static_cast<Node*>(lfirst(cell)))) return true;
  }
  return false;
}

bool CanFail(Node* node) {
  check_stack_depth();
  switch (nodeTag(node)) {
    case T_Const:
    case T_Param:
      return false;
    case T_Var:
      return castNode(Var, node)->varattno <= 0;
    case T_RelabelType:
      return CanFail(reinterpret_cast<Node*>(castNode(RelabelType, node)->arg));
    case T_BoolExpr:
      return AnyCanFail(castNode(BoolExpr, node)->args);
    case T_NullTest:
      return castNode(NullTest, node)->argisrow ||
             CanFail(reinterpret_cast<Node*>(castNode(NullTest, node)->arg));
    case T_BooleanTest:
      return CanFail(reinterpret_cast<Node*>(castNode(BooleanTest, node)->arg));
    case T_OpExpr:
    case T_DistinctExpr: {
      auto* comparison = reinterpret_cast<OpExpr*>(node);
      return ReadingOf(comparison->opno, comparison->inputcollid).strategy == 0 ||
             AnyCanFail(comparison->args);
    }
    case T_ScalarArrayOpExpr: {
      auto* comparison = castNode(ScalarArrayOpExpr, node);
      return ReadingOf(comparison->opno, comparison->inputcollid).strategy == 0 ||
             !IsA(lsecond(comparison->args), Const) || AnyCanFail(comparison->args);
    }
    default:
      return true;
  }
}

// ---- tests -------------------------------------------------------------------------------------

Node* WithoutRelabel(Node* node) {
  while (IsA(node, RelabelType)) node = reinterpret_cast<Node*>(castNode(RelabelType, node)->arg);
  return node;
}

bool SetColumn(Node* node, ColumnTest* test) {
  node = WithoutRelabel(node);
  if (!IsA(node, Var)) return false;
  auto* column = castNode(Var, node);
  if (column->varattno <= 0) return false;
  test->row = column->varno == kOldRow   ? TestRow::kOld
              : column->varno == kNewRow ? TestRow::kNew
                                         : TestRow::kPlain;
  test->column = column->varattno;
  return true;
}

void SetKind(Oid type, ColumnTest* test) {
  test->type = type;
  if (IsOneOf(type, kIntegers) || IsOneOf(type, kWords) || type == ANYENUMOID) {
    test->kind = TestKind::kInteger;
  } else if (IsOneOf(type, kLong)) {
    test->kind = TestKind::kBytes;
  } else {
    test->kind = TestKind::kFunction;
  }
}

bool SetOperator(int strategy, bool column_first, ColumnTest* test) {
  switch (strategy) {
    case BTLessStrategyNumber:
      test->op = column_first ? TestOperator::kLess : TestOperator::kGreater;
      return true;
    case BTLessEqualStrategyNumber:
      test->op = column_first ? TestOperator::kLessEqual : TestOperator::kGreaterEqual;
      return true;
    case BTEqualStrategyNumber:
      test->op = TestOperator::kEqual;
      return true;
    case BTGreaterEqualStrategyNumber:
      test->op = column_first ? TestOperator::kGreaterEqual : TestOperator::kLessEqual;
      return true;
    case BTGreaterStrategyNumber:
      test->op = column_first ? TestOperator::kGreater : TestOperator::kLess;
      return true;
    default:
      return false;
  }
}

void SetConstants(Oid type, Datum* values, int count, ColumnTest* test) {
  test->constants = NewArray<Datum>(CurrentMemoryContext, static_cast<size_t>(count));
  test->count = count;
  for (int i = 0; i < count; i++) {
    test->constants[i] =
        test->kind == TestKind::kInteger ? Int64GetDatum(IntegerOf(type, values[i])) : values[i];
  }
}

bool FromComparison(OpExpr* comparison, ColumnTest* test) {
  if (list_length(comparison->args) != 2) return false;
  Reading reading = ReadingOf(comparison->opno, comparison->inputcollid);
  auto* left = static_cast<Node*>(linitial(comparison->args));
  auto* right = static_cast<Node*>(lsecond(comparison->args));
  bool column_first = SetColumn(left, test);
  if (!column_first && !SetColumn(right, test)) return false;
  Node* other = WithoutRelabel(column_first ? right : left);
  if (!IsA(other, Const) || castNode(Const, other)->constisnull) return false;
  if (!SetOperator(reading.strategy, column_first, test)) return false;
  SetKind(column_first ? reading.left : reading.right, test);
  Datum value = castNode(Const, other)->constvalue;
  SetConstants(column_first ? reading.right : reading.left, &value, 1, test);
  return true;
}

// An array with a null answers null where it would say no.
bool FromList(ScalarArrayOpExpr* comparison, ColumnTest* test) {
  auto* list = static_cast<Node*>(lsecond(comparison->args));
  Reading reading = ReadingOf(comparison->opno, comparison->inputcollid);
  if (!comparison->useOr || reading.strategy != BTEqualStrategyNumber) return false;
  if (!SetColumn(static_cast<Node*>(linitial(comparison->args)), test)) return false;
  list = WithoutRelabel(list);
  if (!IsA(list, Const) || castNode(Const, list)->constisnull) return false;
  ArrayType* array = DatumGetArrayTypeP(castNode(Const, list)->constvalue);
  if (array_contains_nulls(array)) return false;
  int16 size;
  bool by_value;
  char align;
  get_typlenbyvalalign(ARR_ELEMTYPE(array), &size, &by_value, &align);
  Datum* values;
  int count;
  deconstruct_array(array, ARR_ELEMTYPE(array), size, by_value, align, &values, nullptr, &count);
  test->op = TestOperator::kEqual;
  SetKind(reading.left, test);
  SetConstants(reading.right, values, count, test);
  return true;
}

bool FromBoolean(Node* node, bool wanted, ColumnTest* test) {
  if (!SetColumn(node, test)) return false;
  test->op = TestOperator::kEqual;
  SetKind(BOOLOID, test);
  Datum value = BoolGetDatum(wanted);
  SetConstants(BOOLOID, &value, 1, test);
  return true;
}

bool ToTest(Node* node, ColumnTest* test) {
  *test = ColumnTest{};
  if (IsA(node, OpExpr)) return FromComparison(castNode(OpExpr, node), test);
  if (IsA(node, ScalarArrayOpExpr)) return FromList(castNode(ScalarArrayOpExpr, node), test);
  if (IsA(node, BoolExpr) && castNode(BoolExpr, node)->boolop == NOT_EXPR) {
    return FromBoolean(static_cast<Node*>(linitial(castNode(BoolExpr, node)->args)), false, test);
  }
  return FromBoolean(node, true, test);
}

// Equality leaves the fewest over.
bool Better(const ColumnTest& one, const ColumnTest& other) {
  return one.op == TestOperator::kEqual && other.op != TestOperator::kEqual;
}

}  // namespace

int64 IntegerOf(Oid type, Datum value) {
  switch (type) {
    case BOOLOID:
      return DatumGetBool(value) ? 1 : 0;
    case CHAROID:
      return static_cast<uint8>(DatumGetChar(value));
    case INT2OID:
      return DatumGetInt16(value);
    case INT4OID:
    case DATEOID:
      return DatumGetInt32(value);
    case OIDOID:
    case ANYENUMOID:
      return DatumGetObjectId(value);
    default:
      return DatumGetInt64(value);
  }
}

FilterShape ShapeOf(Node* tree) {
  FilterShape shape{};
  shape.can_fail = CanFail(tree);
  bool all = IsA(tree, BoolExpr) && castNode(BoolExpr, tree)->boolop == AND_EXPR;
  List* parts = all ? castNode(BoolExpr, tree)->args : list_make1(tree);
  ListCell* cell;
  foreach (cell, parts) {
    auto* part = static_cast<Node*>(lfirst(cell));
    // What comes behind is not evaluated where a test is false; what comes before was.
    if (CanFail(part)) break;
    ColumnTest test;
    if (!ToTest(part, &test) || (shape.has_test && !Better(test, shape.test))) continue;
    shape.has_test = true;
    shape.test = test;
  }
  shape.is_test = shape.has_test && list_length(parts) == 1;
  return shape;
}

}  // namespace sequin
