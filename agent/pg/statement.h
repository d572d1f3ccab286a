// A prepared statement by name, its parameters in text form, and who wants the answer.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "pg/result_rows.h"

namespace sequin {

struct Statement {
  const char* name;  // of the prepared statement; one name has one text
  const char* sql;
};

using Parameters = std::vector<std::optional<std::string>>;
using OnRows = std::function<void(Result<ResultRows>)>;

// kUnavailable for everything that a later try on a new connection may cure.
ErrorKind KindOfSqlState(std::string_view sqlstate);

}  // namespace sequin
