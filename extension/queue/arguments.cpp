// Checking arguments (arguments.h).
#include "queue/arguments.h"

#include "pg/table.h"

namespace sequin {

void RequireArgument(FunctionCallInfo call, int number, const char* name) {
  if (!call->args[number].isnull) return;
  ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be NULL", name));
}

std::string_view TextArgument(FunctionCallInfo call, int number, const char* name) {
  RequireArgument(call, number, name);
  return TextView(call->args[number].value);
}

// As users write it, whatever their IntervalStyle.
static const char* IntervalText(int64 micros) {
  static constexpr struct {
    int64 micros;
    const char* unit;
  } kUnits[] = {{USECS_PER_DAY, "days"}, {USECS_PER_HOUR, "h"}, {USECS_PER_SEC, "s"}};
  for (const auto& unit : kUnits) {
    if (micros >= unit.micros && micros % unit.micros == 0) {
      return psprintf(INT64_FORMAT " %s", micros / unit.micros, unit.unit);
    }
  }
  return micros == 0 ? "0" : psprintf(INT64_FORMAT " ms", micros / 1000);
}

int64 IntervalMicros(Datum interval, const char* name, int64 min, int64 max) {
  const Interval* value = DatumGetIntervalP(interval);
  // As a float first: the sum of the parts may not fit.
  double estimate = static_cast<double>(value->time) +
                    (value->day + value->month * 30.0) * static_cast<double>(USECS_PER_DAY);
  if (estimate < static_cast<double>(min) || estimate > static_cast<double>(max)) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("%s must be between %s and %s", name, IntervalText(min), IntervalText(max)));
  }
  return value->time + (value->day + value->month * INT64CONST(30)) * USECS_PER_DAY;
}

Datum* NullableArrayElements(Datum array, Oid type, const char* name, int* count, bool** nulls) {
  ArrayType* value = DatumGetArrayTypeP(array);
  if (ARR_NDIM(value) > 1) {
    ereport(ERROR, errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
            errmsg("%s must have one dimension", name));
  }
  int16 length;
  bool by_value;
  char alignment;
  get_typlenbyvalalign(type, &length, &by_value, &alignment);
  Datum* elements;
  deconstruct_array(value, type, length, by_value, alignment, &elements, nulls, count);
  return elements;
}

Datum* ArrayElements(Datum array, Oid type, const char* name, int* count) {
  bool* nulls;
  Datum* elements = NullableArrayElements(array, type, name, count, &nulls);
  for (int i = 0; i < *count; i++) {
    if (!nulls[i]) continue;
    ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
            errmsg("%s must not contain NULL", name));
  }
  return elements;
}

}  // namespace sequin
