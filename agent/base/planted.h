// Planted bugs: mistakes that a test build makes on request (cmake -DSEQUIN_PLANTED_BUGS=ON), so
// that tests/crash/planted can tell whether its judge would find them.
//
//   SEQUIN_PLANTED_BUG=webhook_group_at_once sequin agent ...
//
// In a normal build the condition is false at compile time and nothing of it is left. The known
// names are those that the sources ask for; the program has a list.
#pragma once

#include <string_view>

namespace sequin {

#ifdef SEQUIN_PLANTED_BUGS
bool Planted(std::string_view bug);
#else
constexpr bool Planted(std::string_view) {
  return false;
}
#endif

}  // namespace sequin
