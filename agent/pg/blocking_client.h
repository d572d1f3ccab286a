// A plain synchronous connection for commands that run once and exit.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "pg/result_rows.h"

struct pg_conn;

namespace sequin {

class BlockingClient {
 public:
  static Result<BlockingClient> Connect(const std::string& conninfo);
  Result<ResultRows> Query(const std::string& sql);

 private:
  explicit BlockingClient(pg_conn* connection);
  std::shared_ptr<pg_conn> connection_;
};

// Whether libpq can read the connection string at all.
Status CheckConninfo(const std::string& conninfo);

}  // namespace sequin
