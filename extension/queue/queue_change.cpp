// Changing a queue under its lock (queue_change.h).
#include "queue/queue_change.h"

#include "pg/memory.h"
#include "pg/own_writes.h"
#include "queue/answer_buffer.h"
#include "queue/claim_session.h"
#include "queue/dead_letters.h"
#include "queue/queue_locks.h"
#include "wake/wake.h"

namespace sequin {

ClaimRules RulesOf(const Consumer* consumer, const OpenClaims& open) {
  ClaimRules rules{};
  rules.now = TimeAfter(open.newest().taken_at, GetCurrentTimestamp());
  rules.max_deliver = consumer->max_deliver;
  rules.max_in_flight = consumer->max_in_flight;
  rules.count_expiry = consumer->kind == ConsumerKind::kPull;
  rules.order = consumer->order;
  rules.latest = consumer->latest;
  return rules;
}

void RequireNotDropped(const Consumer* consumer) {
  // By its number: it may have another name by now.
  if (ConsumerStillExists(consumer->id)) return;
  ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
          errmsg("consumer \"%s\" does not exist", consumer->name),
          errdetail("It was dropped while this statement waited for it."));
}

void ChangeQueue(const Consumer* consumer, FunctionRef<void(ClaimEngine*)> body) {
  LockConsumer(consumer->id, true);
  ClaimSession* session = EnterClaimSession(consumer->id);
  QueueTables tables(consumer->id);
  tables.Open();
  session->open->Refresh(&tables);
  RequireNotDropped(consumer);
  auto* engine =
      New<ClaimEngine>(CurrentMemoryContext, &tables, session->open, MemoryOf(CurrentMemoryContext),
                       RulesOf(consumer, *session->open));
  engine->Begin();
  body(engine);
  engine->Finish();
  if (!engine->Changed()) {
    tables.Close();
    tables.UnlockClaims();
    LeaveClaimSession();
    UnlockConsumer(consumer->id);
    return;
  }
  CommitClaimAsynchronously();
  KeepAnswerUntilCommit();
  GetCurrentTransactionId();
  WithOwnOrigin([&] {
    tables.Write(engine);
    WriteDeadLetters(consumer, engine);
  });
  tables.Close();
  CommandCounterIncrement();  // there may be another change in the same statement
  WakeConsumerAtCommit(consumer->id);
}

}  // namespace sequin
