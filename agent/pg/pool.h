// The work connections: a statement goes to the ready connection with the fewest unanswered ones.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "pg/connection.h"

namespace sequin {

class PgPool {
 public:
  struct Events {
    std::function<void()> on_ready;             // a connection came (back)
    std::function<void(const Error&)> on_lost;  // one was lost or could not be made
  };

  PgPool(EventLoop& loop, const PgSettings& settings, int size, Events events);

  void Connect();
  void Run(const Statement& statement, Parameters parameters, OnRows on_rows);

  int ready_count() const;
  const std::string& last_error() const { return connections_.front()->last_error(); }

 private:
  std::vector<std::unique_ptr<PgConnection>> connections_;
};

}  // namespace sequin
