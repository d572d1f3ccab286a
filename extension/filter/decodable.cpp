// Which expressions may run while decoding: the list of what is known to be good (expression.h).
//
// While decoding, the catalogs are those of the past and user tables cannot be read; functions may
// have been dropped since. Only what every server of this version has, and what depends on its
// arguments alone, gives the same answer then, now, and after a restart. So: built-in immutable
// functions and operators. Types of users are welcome where nothing of theirs runs: enums, domains
// (without their checks), rows and arrays of such, and any type that is only moved around.
#include <algorithm>

#include "filter/expression.h"

namespace sequin {
namespace {

constexpr Size kConstantBytesMax = 1024 * 1024;

// These make as much of a small value as their caller likes, and look for no interrupt meanwhile:
// nothing would end them before the memory of the worker does.
constexpr Oid kBlowsUp[] = {
    F_LPAD_TEXT_INT4_TEXT,         F_LPAD_TEXT_INT4,
    F_RPAD_TEXT_INT4_TEXT,         F_RPAD_TEXT_INT4,
    F_ARRAY_FILL_ANYELEMENT__INT4, F_ARRAY_FILL_ANYELEMENT__INT4__INT4,
};
// So do casts to types of a fixed length; it is the second argument.
constexpr Oid kPads[] = {
    F_BPCHAR_BPCHAR_INT4_BOOL,
    F_BIT_BIT_INT4_BOOL,
    F_BIT_INT4_INT4,
    F_BIT_INT8_INT4,
};
constexpr int32 kPaddedMax = 10 * 1024;

struct Check {
  ParseState* state;
  bool planned;
};

bool BuiltIn(Oid object) {
  return object < FirstNormalObjectId;
}

[[noreturn]] void Refuse(const Check* check, Node* node, const char* what, const char* detail) {
  ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
          errmsg("decoding cannot evaluate %s", what),
          detail ? errdetail_internal("%s", detail) : 0,
          parser_errposition(check->state, exprLocation(node)));
  pg_unreachable();
}

// Whether comparing and hashing values of the type runs built-in code only: generic functions for
// arrays and rows look the functions of the elements up at run time.
bool BuiltInBehaviour(Oid type) {
  check_stack_depth();
  if (BuiltIn(type)) return true;
  if (Oid element = get_element_type(type); OidIsValid(element)) return BuiltInBehaviour(element);
  switch (get_typtype(type)) {
    case TYPTYPE_ENUM:
      return true;
    case TYPTYPE_DOMAIN:
      return BuiltInBehaviour(getBaseType(type));
    case TYPTYPE_COMPOSITE: {
      TupleDesc columns = lookup_rowtype_tupdesc_copy(type, -1);
      for (int i = 0; i < columns->natts; i++) {
        Form_pg_attribute column = TupleDescAttr(columns, i);
        if (!column->attisdropped && !BuiltInBehaviour(column->atttypid)) return false;
      }
      return true;
    }
    default:
      return false;
  }
}

// A value that is only moved around or tested for null.
bool Carrier(Node* node) {
  return IsA(node, Var) || IsA(node, RelabelType) || IsA(node, CoalesceExpr) ||
         IsA(node, CaseExpr) || IsA(node, CaseTestExpr) || IsA(node, Const);
}

void RequireBuiltInType(const Check* check, Node* node) {
  Oid type = exprType(node);
  if (BuiltInBehaviour(type)) return;
  bool opaque = get_typtype(type) == TYPTYPE_BASE && !OidIsValid(get_element_type(type));
  if (opaque && Carrier(node)) return;
  Refuse(check, node, psprintf("values of type %s here", format_type_be(type)),
         "The type, or a type it is made of, is not built in.");
}

void RequireBuiltInArguments(const Check* check, List* arguments) {
  ListCell* cell;
  foreach (cell, arguments) {
    auto* argument = static_cast<Node*>(lfirst(cell));
    Oid type = exprType(argument);
    if (BuiltInBehaviour(type)) continue;
    Refuse(check, argument, psprintf("values of type %s here", format_type_be(type)),
           "The type, or a type it is made of, is not built in.");
  }
}

struct FunctionCheck {
  const Check* check;
  Node* node;
};

bool RequireGoodFunction(Oid function, void* context) {
  auto* of = static_cast<FunctionCheck*>(context);
  const char* name = nullptr;
  if (!BuiltIn(function) || func_volatile(function) != PROVOLATILE_IMMUTABLE) {
    name = format_procedure(function);
  }
  if (!BuiltIn(function)) {
    Refuse(of->check, of->node, psprintf("function %s", name), "It is not built in.");
  }
  if (name != nullptr) {
    Refuse(of->check, of->node, psprintf("function %s", name),
           "It is not immutable: its result depends on more than its arguments.");
  }
  return false;
}

// Functions in SQL need a snapshot of the present unless the planner put their text in place.
bool RequireCompiledFunction(Oid function, void* context) {
  auto* of = static_cast<FunctionCheck*>(context);
  HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for function %u", function);
  Oid language = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prolang;
  ReleaseSysCache(tuple);
  if (language != INTERNALlanguageId) {
    Refuse(of->check, of->node, psprintf("function %s", format_procedure(function)),
           "It is written in SQL.");
  }
  return false;
}

void CheckVar(const Check* check, Var* column) {
  if (column->varlevelsup != 0 || column->varattno < InvalidAttrNumber) {
    Refuse(check, reinterpret_cast<Node*>(column), "system columns", nullptr);
  }
}

// A huge constant would stay in the memory of the worker.
void CheckConstant(const Check* check, const Const* constant) {
  if (constant->constisnull || constant->constlen != -1) return;
  Size size = VARSIZE_ANY(DatumGetPointer(constant->constvalue));
  if (size <= kConstantBytesMax) return;
  ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
          errmsg("the filter has a constant of %zu kB, more than the limit of %zu kB", size / 1024,
                 kConstantBytesMax / 1024));
}

// Compares images of values and calls nothing of their types.
bool ComparesImages(Node* node) {
  if (!IsA(node, FuncExpr)) return false;
  Oid function = castNode(FuncExpr, node)->funcid;
  return function == F_RECORD_IMAGE_NE || function == F_RECORD_IMAGE_EQ;
}

void CheckFunctions(const Check* check, Node* node) {
  FunctionCheck context{check, node};
  check_functions_in_node(node, check->planned ? RequireCompiledFunction : RequireGoodFunction,
                          &context);
  Oid collation = exprInputCollation(node);
  if (OidIsValid(collation) && !BuiltIn(collation)) {
    Refuse(check, node, psprintf("collation \"%s\"", get_collation_name(collation)),
           "It is not built in.");
  }
}

template <size_t count>
bool IsOneOf(Oid function, const Oid (&list)[count]) {
  return std::find(list, list + count, function) != list + count;
}

void CheckGrowth(const Check* check, FuncExpr* call) {
  auto* node = reinterpret_cast<Node*>(call);
  if (IsOneOf(call->funcid, kBlowsUp)) {
    Refuse(check, node, psprintf("function %s", format_procedure(call->funcid)),
           "Its result may be much larger than its arguments.");
  }
  if (!IsOneOf(call->funcid, kPads)) return;
  auto* length = static_cast<Node*>(lsecond(call->args));
  if (IsA(length, Const) && !castNode(Const, length)->constisnull &&
      DatumGetInt32(castNode(Const, length)->constvalue) <= kPaddedMax) {
    return;
  }
  Refuse(check, node, psprintf("casts to %s of this length", format_type_be(call->funcresulttype)),
         "Its result may be much larger than its arguments.");
}

void CheckKind(const Check* check, Node* node) {
  switch (nodeTag(node)) {
    case T_Var:
      return CheckVar(check, castNode(Var, node));
    case T_FuncExpr:
      if (castNode(FuncExpr, node)->funcretset)
        Refuse(check, node, "functions that return sets", nullptr);
      CheckFunctions(check, node);
      CheckGrowth(check, castNode(FuncExpr, node));
      return RequireBuiltInArguments(check, castNode(FuncExpr, node)->args);
    case T_OpExpr:
    case T_DistinctExpr:
    case T_NullIfExpr:
      CheckFunctions(check, node);
      return RequireBuiltInArguments(check, reinterpret_cast<OpExpr*>(node)->args);
    case T_ScalarArrayOpExpr:
      CheckFunctions(check, node);
      return RequireBuiltInArguments(check, castNode(ScalarArrayOpExpr, node)->args);
    case T_RowExpr:
      return RequireBuiltInArguments(check, castNode(RowExpr, node)->args);
    case T_MinMaxExpr:
      CheckFunctions(check, node);
      return RequireBuiltInArguments(check, castNode(MinMaxExpr, node)->args);
    case T_RowCompareExpr:
    case T_CoerceViaIO:
    case T_ArrayCoerceExpr:
      return CheckFunctions(check, node);
    case T_Const:
      return CheckConstant(check, castNode(Const, node));
    case T_Param:  // `action`
    case T_BoolExpr:
    case T_CaseExpr:
    case T_CaseWhen:
    case T_CaseTestExpr:
    case T_CoalesceExpr:
    case T_NullTest:
    case T_BooleanTest:
    case T_RelabelType:
    case T_CollateExpr:
    case T_ArrayExpr:
    case T_SubscriptingRef:
    case T_FieldSelect:
    case T_NamedArgExpr:
      return;
    case T_Aggref:
    case T_GroupingFunc:
      Refuse(check, node, "aggregate functions", nullptr);
    case T_WindowFunc:
      Refuse(check, node, "window functions", nullptr);
    case T_CoerceToDomain:
      Refuse(check, node, "casts to a domain", "The checks of the domain may run any function.");
    case T_SQLValueFunction:
      Refuse(check, node, "the current time, user or schema",
             "It is not immutable: its result depends on more than its arguments.");
    default:
      Refuse(check, node, "this kind of expression", nullptr);
  }
}

bool Walk(Node* node, void* context);

// The rows of changed(…): their columns may be of any type.
bool WalkImages(List* rows, Check* check) {
  ListCell* cell;
  foreach (cell, rows) {
    auto* row = static_cast<Node*>(lfirst(cell));
    Node* inner = IsA(row, RowExpr) ? reinterpret_cast<Node*>(castNode(RowExpr, row)->args) : row;
    if (Walk(inner, check)) return true;
  }
  return false;
}

bool Walk(Node* node, void* context) {
  if (node == nullptr) return false;
  auto* check = static_cast<Check*>(context);
  if (ComparesImages(node)) return WalkImages(castNode(FuncExpr, node)->args, check);
  if (!IsA(node, List)) {
    CheckKind(check, node);
    if (!IsA(node, CaseWhen)) RequireBuiltInType(check, node);
  }
  return expression_tree_walker(node, reinterpret_cast<bool (*)()>(Walk), context);
}

}  // namespace

void RequireDecodable(Node* tree, ParseState* state, bool planned) {
  Check check{state, planned};
  Walk(tree, &check);
}

}  // namespace sequin
