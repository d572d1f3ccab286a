// Planted bugs of a test build (planted_bug.h).
#include "pg/planted_bug.h"

#ifdef SEQUIN_CRASH_POINTS

namespace sequin {

static char* planted_bug = nullptr;

void DefinePlantedBugSetting() {
  DefineCustomStringVariable("sequin.planted_bug", "The mistake that this test build makes.",
                             nullptr, &planted_bug, "", PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
}

bool Planted(const char* bug) {
  return planted_bug != nullptr && strcmp(planted_bug, bug) == 0;
}

bool PlantedShape(TupleDesc planned, TupleDesc present) {
  if (planned == nullptr || planned->natts != present->natts) return false;
  for (int i = 0; i < planned->natts; i++) {
    if (TupleDescAttr(planned, i)->atttypid != TupleDescAttr(present, i)->atttypid) return false;
  }
  return true;
}

void PlantRoundedNumbers(StringInfo json, int start) {
  static constexpr int kDoubleDigits = 17;
  int digits = 0;
  for (int i = start; i < json->len; i++) {
    digits = isdigit(static_cast<unsigned char>(json->data[i])) ? digits + 1 : 0;
    if (digits > kDoubleDigits) json->data[i] = '0';
  }
}

}  // namespace sequin

#endif
