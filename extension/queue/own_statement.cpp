// Refusing all but a statement of its own (own_statement.h).
#include "queue/own_statement.h"

#include "queue/claim_session.h"

namespace sequin {

static void Refuse(const char* function, const char* detail) {
  ereport(ERROR, errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
          errmsg("%s cannot run inside a transaction block", function),
          errdetail_internal("%s", detail),
          errhint("Commit first; ack may be in your transaction."));
}

// Whether the call is part of the query that the client sent, and that query only reads.
static bool CalledByPlainSelect(FunctionCallInfo call) {
  auto* result = reinterpret_cast<ReturnSetInfo*>(call->resultinfo);
  if (result == nullptr || !IsA(result, ReturnSetInfo) || result->econtext == nullptr) return false;
  if (ActivePortal == nullptr || ActivePortal->queryDesc == nullptr) return false;
  QueryDesc* query = ActivePortal->queryDesc;
  return query->estate == result->econtext->ecxt_estate && query->operation == CMD_SELECT &&
         !query->plannedstmt->hasModifyingCTE && query->plannedstmt->rowMarks == NIL;
}

void RequireOwnStatement(FunctionCallInfo call, const char* function) {
  PreventCommandDuringRecovery(function);
  PreventCommandIfReadOnly(function);
  if (IsTransactionBlock() || IsSubTransaction()) {
    Refuse(function, "It changes the queue, commits at once, and lets others on.");
  }
  if (MyXactFlags & XACT_FLAGS_PIPELINING) {
    Refuse(function, "Another statement of the same pipeline came before it.");
  }
  if (!CalledByPlainSelect(call)) {
    Refuse(function,
           "It must be called by a SELECT that the client sends, not by a function, and "
           "not by a statement that writes.");
  }
  if (InClaimTransaction()) Refuse(function, "It was called before in the same statement.");
  // In a pipeline the claim commits now, not with what follows.
  MyXactFlags |= XACT_FLAGS_NEEDIMMEDIATECOMMIT;
}

bool IsOwnStatement(FunctionCallInfo call) {
  return !RecoveryInProgress() && !XactReadOnly && !IsTransactionBlock() && !IsSubTransaction() &&
         (MyXactFlags & XACT_FLAGS_PIPELINING) == 0 && CalledByPlainSelect(call) &&
         !InClaimTransaction();
}

}  // namespace sequin
