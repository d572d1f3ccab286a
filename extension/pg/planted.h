// Planted bugs: mistakes that a test build makes on request (make CRASH_POINTS=1), so that
// tests/fidelity/planted and tests/crash/planted can tell whether their tests would find them.
//
//   sequin.planted_bug = 'float_digits_lost'
//
// In a normal build the condition is false at compile time and nothing of it is left. The known
// names are those that the sources ask for; the two programs have lists. No server header is
// needed here: also the pure logic of the queue has planted bugs.
#pragma once

namespace sequin {

#ifdef SEQUIN_CRASH_POINTS
bool Planted(const char* bug);
#else
constexpr bool Planted(const char*) {
  return false;
}
#endif

}  // namespace sequin
