// One value as the text that its type's input function reads, the same under all settings.
#pragma once

#include "change/value_plan.h"

namespace sequin {

// A message may have half of what Postgres can have in one value: the envelope, the encoding of a
// client and the protocol need room as well. One that nobody can receive would stop its consumer.
inline constexpr size_t kMessageBytesMax = MaxAllocSize / 2;

// Raises when a text outgrew a message. To be called now and then while one is built of many parts.
void RequireRoom(StringInfo out);

// Appends the text of a value that is not null. Money is read under lc_monetary = C. Detoasts;
// garbage goes to the current context.
void AppendText(StringInfo out, const ValuePlan* plan, Datum value);

// False for NaN and the infinities.
bool IsFinite(const ValuePlan* plan, Datum value);

// The values of a composite are in plan->values, plan->nulls until the next one is loaded.
void LoadComposite(CompositePlan* plan, NumberFormat format, Datum value);

// Visits the elements in storage order: visit(element, is_null) → go on?
template <typename Visit>
bool VisitElements(const ArrayPlan& plan, ArrayType* array, Visit&& visit) {
  array_iter iterator;
  array_iter_setup(&iterator, reinterpret_cast<AnyArrayType*>(array));
  int count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
  for (int i = 0; i < count; i++) {
    bool is_null;
    Datum element = array_iter_next(&iterator, &is_null, i, plan.length, plan.by_value, plan.align);
    if (!visit(element, is_null)) return false;
  }
  return true;
}

}  // namespace sequin
