// Planted bugs: mistakes of fidelity that a test build makes on request (make CRASH_POINTS=1), so
// that tests/fidelity/planted can tell whether the rebuild test would find them.
//
//   sequin.planted_bug = 'float_digits'
//
// In a normal build the condition is false at compile time and nothing of it is left. The known
// names are those that the sources ask for; tests/fidelity/planted has the list.
#pragma once

#include "pg/prelude.h"

namespace sequin {

#ifdef SEQUIN_CRASH_POINTS
bool Planted(const char* bug);
// Whether a plan of an altered table could still be used without a crash.
bool PlantedShape(TupleDesc planned, TupleDesc present);
// What a double makes of the long numbers of a JSON text.
void PlantRoundedNumbers(StringInfo json, int start);
void DefinePlantedBugSetting();
#else
constexpr bool Planted(const char*) {
  return false;
}
constexpr bool PlantedShape(TupleDesc, TupleDesc) {
  return false;
}
inline void PlantRoundedNumbers(StringInfo, int) {}
inline void DefinePlantedBugSetting() {}
#endif

}  // namespace sequin
