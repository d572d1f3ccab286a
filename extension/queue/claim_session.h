// What a backend keeps about consumers between its receives, and the transaction that claims.
//
// A claim commits asynchronously, lets go of the consumer's lock, and only then waits until its
// commit is flushed: the lock is held for microseconds and flushes of concurrent claims group. The
// answer leaves after the flush.
#pragma once

#include "queue/open_claims.h"
#include "queue/queue_tables.h"

namespace sequin {

struct ClaimSession {
  int32 consumer;
  Oid claim_table;  // of the extension that it was read from
  MemoryContext context;
  OpenClaims* open;
  OldClaims old;
};

// Makes the session of the consumer part of this transaction: an abort forgets it.
ClaimSession* EnterClaimSession(int32 consumer);
// What it knows was never written.
void ForgetClaimSession(ClaimSession* session);
// Nothing was decided: it stays as it is whatever becomes of the transaction.
void LeaveClaimSession();
// The transaction has written claims: its commit is asynchronous, as described above.
void CommitClaimAsynchronously();
// Whether this transaction has claimed already.
bool InClaimTransaction();

void InitClaimSessions();

}  // namespace sequin
