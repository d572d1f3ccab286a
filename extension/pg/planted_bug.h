// Planted bugs of a test build that need the server's headers, and their setting (planted.h).
#pragma once

#include "pg/planted.h"
#include "pg/prelude.h"

namespace sequin {

#ifdef SEQUIN_CRASH_POINTS
// Whether a plan of an altered table could still be used without a crash.
bool PlantedShape(TupleDesc planned, TupleDesc present);
// What a double makes of the long numbers of a JSON text.
void PlantRoundedNumbers(StringInfo json, int start);
void DefinePlantedBugSetting();
#else
constexpr bool PlantedShape(TupleDesc, TupleDesc) {
  return false;
}
inline void PlantRoundedNumbers(StringInfo, int) {}
inline void DefinePlantedBugSetting() {}
#endif

}  // namespace sequin
