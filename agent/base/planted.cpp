// See planted.h.
#include "base/planted.h"

#ifdef SEQUIN_PLANTED_BUGS

#include <cstdlib>

namespace sequin {

bool Planted(std::string_view bug) {
  static const char* const wanted = std::getenv("SEQUIN_PLANTED_BUG");
  return wanted != nullptr && bug == wanted;
}

}  // namespace sequin

#endif
