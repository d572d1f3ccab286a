// See statement.h. Classes from appendix A of the PostgreSQL manual.
#include "pg/statement.h"

namespace sequin {

ErrorKind KindOfSqlState(std::string_view sqlstate) {
  if (sqlstate == "42704") return ErrorKind::kNotFound;
  if (sqlstate.empty()) return ErrorKind::kUnavailable;
  const std::string_view family = sqlstate.substr(0, 2);
  // 08 connection, 40 rollback, 53 resources, 57 operator intervention, 58 the server's files;
  // 25006 a standby, 25P03 a time limit, 55P03 lock not available, 0A000 "cached plan must not
  // change result type" after an upgrade of the extension.
  const bool transient = family == "08" || family == "40" || family == "53" || family == "57" ||
                         family == "58" || sqlstate == "25006" || sqlstate == "25P03" ||
                         sqlstate == "55P03" || sqlstate == "0A000";
  return transient ? ErrorKind::kUnavailable : ErrorKind::kDatabase;
}

}  // namespace sequin
