// See result_rows.h.
#include "pg/result_rows.h"

#include <libpq-fe.h>

#include <charconv>

namespace sequin {

ResultRows::ResultRows(pg_result* owned) : result_(owned, PQclear) {}

int ResultRows::count() const {
  return PQntuples(result_.get());
}

bool ResultRows::IsNull(int row, int column) const {
  return PQgetisnull(result_.get(), row, column) != 0;
}

std::string_view ResultRows::Text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<size_t>(PQgetlength(result_.get(), row, column))};
}

long long ResultRows::Number(int row, int column) const {
  const std::string_view text = Text(row, column);
  long long value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<double> ResultRows::Real(int row, int column) const {
  if (IsNull(row, column)) return std::nullopt;
  const std::string_view text = Text(row, column);
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace sequin
