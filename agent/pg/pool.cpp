// See pool.h.
#include "pg/pool.h"

#include <algorithm>

namespace sequin {

PgPool::PgPool(EventLoop& loop, const PgSettings& settings, int size, Events events) {
  for (int i = 0; i < size; ++i) {
    connections_.push_back(std::make_unique<PgConnection>(
        loop, settings, "", PgConnection::Events{events.on_ready, events.on_lost, nullptr}));
  }
}

void PgPool::Connect() {
  for (auto& connection : connections_) connection->Connect();
}

void PgPool::Run(const Statement& statement, Parameters parameters, OnRows on_rows) {
  PgConnection* best = connections_.front().get();
  for (auto& connection : connections_) {
    if (!connection->ready()) continue;
    if (!best->ready() || connection->pending() < best->pending()) best = connection.get();
  }
  best->Run(statement, std::move(parameters), std::move(on_rows));
}

int PgPool::ready_count() const {
  return static_cast<int>(std::count_if(connections_.begin(), connections_.end(),
                                        [](const auto& one) { return one->ready(); }));
}

}  // namespace sequin
