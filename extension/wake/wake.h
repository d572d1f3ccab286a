// Wake: a hint, through shared memory, that a consumer may have work. Never needed for
// correctness, only for latency: whoever waits also looks again after a time.
//
// A consumer hashes to one of kWakeSlots slots; a collision costs a needless look.
#pragma once

#include "pg/prelude.h"

namespace sequin {

// Waiting backends (SQL `wait`): take the generation, look for work, then wait for it to change.
uint32 WakeGeneration(int32 consumer);
// Sleeps until the consumer was woken since `generation` or `timeout_ms` passed. Interruptible.
// Returns whether it was woken.
bool WaitForWake(int32 consumer, uint32 generation, long timeout_ms);

// Agents: ask, before looking, that the next wake of this consumer is also sent as NOTIFY by the
// capture worker of this database. One armed wake sends at most one NOTIFY.
void ArmNotify(int32 consumer);

// Wakes those who wait for the consumer, now or when this transaction commits (nothing on abort).
void WakeConsumer(int32 consumer);
void WakeConsumerAtCommit(int32 consumer);

// Wakes all who wait, now: what was committed may concern any consumer of this database.
void WakeEverybody();

// Whether a settle can make anything deliverable: messages are parked behind those that are out, or
// no more may be out. Said by a receive, under the consumer's lock: `true` before it looks at what
// is settled, so that no commit falls between its look and its word.
void SetWaitsForSettles(int32 consumer, bool waits);
// Wakes those who wait for the consumer when this transaction commits, if settles matter then.
void WakeAfterSettle(int32 consumer);

// Says to agents that the set or the definition of consumers changed, when this one commits.
void WakeDefinitionsAtCommit();

}  // namespace sequin
