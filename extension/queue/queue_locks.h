// Locks of the queue, in the lock table of the server (pg_locks shows them as advisory locks with
// objsubid 24240 and 24241; users' advisory locks have 1 and 2 there).
//
//   consumer  one receive at a time; held until the claim commits
//   claim     settling, extending and expiring one claim; by settlers for the statement only, so
//             that nobody waits for a client's transaction. A settler lets it go before it waits
//
// Order: consumer, then claims; who holds the consumer's lock only tries for claims.
#pragma once

#include "pg/prelude.h"

namespace sequin {

// False: somebody else has it and `wait` is false.
bool LockConsumer(int32 consumer, bool wait);
void UnlockConsumer(int32 consumer);

void LockClaim(int32 consumer, int64 no);
bool TryLockClaim(int32 consumer, int64 no);
void UnlockClaim(int32 consumer, int64 no);

}  // namespace sequin
