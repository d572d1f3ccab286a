// Sessions and transactions of claims (claim_session.h).
#include "queue/claim_session.h"

#include "pg/memory.h"
#include "pg/planted.h"
#include "pg/table.h"
#include "pg/transaction.h"
#include "queue/answer_buffer.h"
#include "queue/queue.h"

namespace sequin {
namespace {

constexpr size_t kSessionsMax = 256;

struct Sessions {
  MemoryContext context;
  HashMap<ClaimSession*>* by_consumer;
};
Sessions sessions;

struct ClaimTransaction {
  ClaimSession* session;  // may say more than is committed
  bool asynchronous;      // synchronous_commit is ours
  int saved_synchronous_commit;
};
ClaimTransaction transaction;
bool flush_due = false;

void Drop(ClaimSession* session) {
  sessions.by_consumer->Erase(static_cast<uint32>(session->consumer));
  MemoryContextDelete(session->context);
}

void AtTransactionEnd(XactEvent event, void*) {
  bool committed = event == XACT_EVENT_COMMIT;
  if (!committed && event != XACT_EVENT_ABORT) return;
  if (transaction.asynchronous) {
    synchronous_commit = transaction.saved_synchronous_commit;
    flush_due = committed && synchronous_commit != SYNCHRONOUS_COMMIT_OFF;
  }
  if (!committed && transaction.session != nullptr) Drop(transaction.session);
  transaction = ClaimTransaction{};
}

// All locks are released: others claim while this one waits for the disk.
void AfterLocks(ResourceReleasePhase phase, bool is_commit, bool is_top_level, void*) {
  if (!flush_due || phase != RESOURCE_RELEASE_AFTER_LOCKS || !is_top_level) return;
  flush_due = false;
  if (is_commit && !Planted("claim_unflushed")) XLogFlush(XactLastCommitEnd);
}

ClaimSession* NewSession(int32 consumer) {
  MemoryContext context = NewContext(sessions.context, "sequin consumer");
  auto* session = New<ClaimSession>(context);
  session->consumer = consumer;
  session->claim_table = OwnTableOid("claim");
  session->context = context;
  session->open = New<OpenClaims>(context, MemoryOf(context));
  return session;
}

}  // namespace

ClaimSession* EnterClaimSession(int32 consumer) {
  if (sessions.context == nullptr) {
    sessions.context = NewContext(TopMemoryContext, "sequin consumers");
    sessions.by_consumer =
        New<HashMap<ClaimSession*>>(sessions.context, MemoryOf(sessions.context));
  }
  ClaimSession** known = sessions.by_consumer->Find(static_cast<uint32>(consumer));
  ClaimSession* session = known ? *known : nullptr;
  if (session != nullptr && session->claim_table != OwnTableOid("claim")) {
    Drop(session);
    session = nullptr;
  }
  if (session == nullptr) {
    if (sessions.by_consumer->size() >= kSessionsMax) {
      MemoryContextDelete(sessions.context);
      sessions = Sessions{};
      return EnterClaimSession(consumer);
    }
    session = NewSession(consumer);
    *sessions.by_consumer->Put(static_cast<uint32>(consumer)) = session;
  }
  transaction.session = session;
  return session;
}

void ForgetClaimSession(ClaimSession* session) {
  transaction.session = nullptr;
  Drop(session);
}

void LeaveClaimSession() {
  transaction.session = nullptr;
}

void CommitClaimAsynchronously() {
  if (transaction.asynchronous) return;
  transaction.asynchronous = true;
  transaction.saved_synchronous_commit = synchronous_commit;
  synchronous_commit = SYNCHRONOUS_COMMIT_OFF;
}

bool InClaimTransaction() {
  return transaction.session != nullptr;
}

void InitClaimSessions() {
  RegisterXactCallback(AtTransactionEnd, nullptr);
  RegisterResourceReleaseCallback(AfterLocks, nullptr);
}

void InitQueue() {
  InitClaimSessions();
  InitAnswerBuffer();
}

}  // namespace sequin
