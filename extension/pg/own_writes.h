// Writes of a backend's transaction to our own tables, which capture skips.
#pragma once

#include "pg/transaction.h"

namespace sequin {

// Runs `body` with its WAL marked as none of the users' (origin DoNotReplicateId).
void RunWithOwnOrigin(void (*body)(void*), void* argument);

template <typename Body>
void WithOwnOrigin(Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  RunWithOwnOrigin([](void* arg) { (*static_cast<Plain*>(arg))(); }, &body);
}

// Whether all WAL of the transaction until now was written so: its commit is of no interest to
// capture. May say no where it is; also after a rollback to a savepoint.
bool WroteOnlyOwn();

}  // namespace sequin
