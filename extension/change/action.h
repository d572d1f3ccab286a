// What happened, as the log has it (one character) and as messages and filters say it.
#pragma once

#include <string_view>

namespace sequin {

constexpr std::string_view ActionName(char action) {
  switch (action) {
    case 'i':
      return "insert";
    case 'u':
      return "update";
    case 'd':
      return "delete";
    case 't':
      return "truncate";
    case 'r':
      return "read";
    case 'p':
      return "publish";
    default:
      return "message";
  }
}

}  // namespace sequin
