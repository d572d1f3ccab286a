// A change of a consumer's queue that is not a receive: a rewind, dead letters put back.
#pragma once

#include "catalog/consumer.h"
#include "queue/claim_engine.h"
#include "queue/open_claims.h"

namespace sequin {

// What the consumer's declaration says about claims that are made now.
ClaimRules RulesOf(const Consumer* consumer, const OpenClaims& open);

// ERROR 42704 when the consumer is gone: it may have been dropped while we waited for its lock.
void RequireNotDropped(const Consumer* consumer);

// Runs `body` under the consumer's lock with an engine that has learned what was settled, and
// writes what it decides; without a decision nothing is written. Commits like a receive. Called in
// a statement of its own.
void ChangeQueue(const Consumer* consumer, FunctionRef<void(ClaimEngine*)> body);

}  // namespace sequin
