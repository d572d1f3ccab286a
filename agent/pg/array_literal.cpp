// See array_literal.h. Grammar: PostgreSQL manual, "Array Value Input".
#include "pg/array_literal.h"

namespace sequin {

void ArrayLiteral::Add(std::string_view element) {
  Begin() += '"';
  for (const char c : element) {
    if (c == '"' || c == '\\') text_ += '\\';
    text_ += c;
  }
  text_ += '"';
}

}  // namespace sequin
