// One column value as JSON, the mapping of docs/types.md. The text depends on the type alone and
// never on settings of a session: the capture worker fixes those it cannot avoid.
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
  kText,         // the output function's text, as a JSON string
  kVarlenaText,  // text, varchar, bpchar: the bytes themselves, as a JSON string
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
  kBytea,        // \x hex
  kArray,        // nested JSON arrays of the element kind
};

// How values of one type are written. Lives in the context it was planned in.
struct ValuePlan {
  ValueKind kind = ValueKind::kText;
  bool quoted = false;           // a number that is written as a string
  FmgrInfo output{};             // kText
  ValuePlan* element = nullptr;  // kArray
  Oid element_type = InvalidOid;
  int16 element_length = 0;
  bool element_by_value = false;
  char element_align = 0;
};

ValuePlan* PlanValue(Oid type, NumberFormat format, MemoryContext context);

// Appends the JSON text of a value that is not null. Detoasts; garbage goes to the current context.
void AppendValue(StringInfo out, const ValuePlan* plan, Datum value);

// Appends `"…"`.
void AppendJsonString(StringInfo out, std::string_view text);

}  // namespace sequin
