// How values of one type are written: planned once for a column, used for each of its values.
#pragma once

#include "pg/prelude.h"

namespace sequin {

// How the numbers of a message are written (number_format of a consumer).
enum class NumberFormat : uint8_t {
  kStandard,  // numeric and money as strings, others as numbers
  kNumber,    // all as numbers
  kString,    // all as strings; json and jsonb stay as they are
};

enum class ValueKind : uint8_t {
  kText,         // the output function's text
  kVarlenaText,  // text, varchar, bpchar, xml: the bytes themselves
  kBool,
  kInt2,
  kInt4,
  kInt8,
  kOid,
  kFloat4,
  kFloat8,
  kNumeric,
  kMoney,  // the decimal text of its hundredths
  kJson,   // nested as it is
  kJsonb,  // nested
  kDate,
  kTimestamp,    // ISO 8601 without a zone
  kTimestamptz,  // ISO 8601, UTC, with Z
  kInterval,     // as IntervalStyle postgres writes it
  kBytea,        // \x hex
  kFunction,     // regproc, regoper: the name where it is the only one, else the OID
  kArray,
  kComposite,
};

// What can go wrong with values of a type.
enum class ValueCare : uint8_t {
  kNone,     // valid text, at most kPlainExpansion times the size of the value
  kBounded,  // valid text, but of any size: a numeric of ten bytes may have 131,000 digits
  kGuarded,  // code that is not ours or the server's: may raise, may break the encoding
};
inline constexpr size_t kPlainExpansion = 8;

struct ValuePlan;

struct FieldPlan {
  int number;          // attribute number − 1
  const char* prefix;  // `"name":`
  int prefix_bytes;
  ValuePlan* value;
};

struct ArrayPlan {
  ValuePlan* element;
  int16 length;
  bool by_value;
  char align;
  char delimiter;
};

// Types may get attributes while plans of tables live on, so that fields are planned when a value
// is met, and again when the type has changed.
struct CompositePlan {
  Oid type;
  MemoryContext parent;
  MemoryContext context;  // of everything below
  uint64 version;         // TypeCacheEntry::tupDesc_identifier; 0 = nothing planned
  TupleDesc descriptor;
  FieldPlan* fields;
  int field_count;
  Datum* values;
  bool* nulls;
};

// Lives in the context it was planned in.
struct ValuePlan {
  ValueKind kind = ValueKind::kText;
  ValueCare care = ValueCare::kNone;
  NumberFormat format = NumberFormat::kStandard;
  bool quoted = false;  // a number that is written as a string
  bool varlena = false;
  FmgrInfo output{};                   // kText, kFunction
  ArrayPlan array{};                   // kArray
  CompositePlan* composite = nullptr;  // kComposite
};

ValuePlan* PlanValue(Oid type, NumberFormat format, MemoryContext context);

// The plan's fields under the present definition of the type.
void PlanFields(CompositePlan* plan, NumberFormat format);

}  // namespace sequin
