// The rows of one finished statement.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct pg_result;

namespace sequin {

class ResultRows {
 public:
  explicit ResultRows(pg_result* owned);

  int count() const;
  bool IsNull(int row, int column) const;
  std::string_view Text(int row, int column) const;
  // Columns that the SQL declares as numbers; 0 for NULL.
  long long Number(int row, int column) const;
  // Nothing for NULL.
  std::optional<double> Real(int row, int column) const;
  bool Flag(int row, int column) const { return Text(row, column) == "t"; }

 private:
  std::shared_ptr<pg_result> result_;
};

}  // namespace sequin
