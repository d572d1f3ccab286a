// Arguments of the SQL functions, checked: each refusal says what is allowed.
#pragma once

#include "pg/prelude.h"

namespace sequin {

// Refuses NULL for a parameter. ERROR 22004.
void RequireArgument(FunctionCallInfo call, int number, const char* name);
std::string_view TextArgument(FunctionCallInfo call, int number, const char* name);

// Microseconds; a month has 30 days. ERROR 22023 outside of min..max.
int64 IntervalMicros(Datum interval, const char* name, int64 min, int64 max);

// Elements of a one-dimensional array without NULL.
Datum* ArrayElements(Datum array, Oid type, const char* name, int* count);
// The same; `nulls` says which are NULL.
Datum* NullableArrayElements(Datum array, Oid type, const char* name, int* count, bool** nulls);

inline constexpr int64 kVisibilityMinMicros = 100 * INT64CONST(1000);
inline constexpr int64 kVisibilityMaxMicros = 12 * USECS_PER_HOUR;

}  // namespace sequin
