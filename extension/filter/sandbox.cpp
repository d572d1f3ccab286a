// The sandbox of filters that are evaluated when a message is claimed (sandbox.h).
#include "filter/sandbox.h"

#include <algorithm>

#include "filter/budget.h"
#include "filter/fixed_settings.h"
#include "pg/transaction.h"

namespace sequin {
namespace {

object_access_hook_type next_access_hook = nullptr;
bool inside = false;

constexpr int kErrorBytesMax = 8192;

// Their effect outlives a rollback.
constexpr Oid kForbidden[] = {
    F_PG_ADVISORY_LOCK_INT8,
    F_PG_ADVISORY_LOCK_SHARED_INT8,
    F_PG_TRY_ADVISORY_LOCK_INT8,
    F_PG_TRY_ADVISORY_LOCK_SHARED_INT8,
    F_PG_ADVISORY_UNLOCK_INT8,
    F_PG_ADVISORY_UNLOCK_SHARED_INT8,
    F_PG_ADVISORY_LOCK_INT4_INT4,
    F_PG_ADVISORY_LOCK_SHARED_INT4_INT4,
    F_PG_TRY_ADVISORY_LOCK_INT4_INT4,
    F_PG_TRY_ADVISORY_LOCK_SHARED_INT4_INT4,
    F_PG_ADVISORY_UNLOCK_INT4_INT4,
    F_PG_ADVISORY_UNLOCK_SHARED_INT4_INT4,
    F_PG_ADVISORY_UNLOCK_ALL,
    F_PG_LOGICAL_EMIT_MESSAGE_BOOL_TEXT_TEXT,
    F_PG_LOGICAL_EMIT_MESSAGE_BOOL_TEXT_BYTEA,
    F_SETSEED,
};

void OnAccess(ObjectAccessType access, Oid catalog, Oid object, int sub, void* argument) {
  if (next_access_hook) next_access_hook(access, catalog, object, sub, argument);
  if (!inside || access != OAT_FUNCTION_EXECUTE || catalog != ProcedureRelationId) return;
  if (object >= FirstNormalObjectId) return;
  if (std::find(std::begin(kForbidden), std::end(kForbidden), object) == std::end(kForbidden))
    return;
  ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
          errmsg("a filter cannot call function %s", format_procedure(object)),
          errdetail("Its effect would outlive the evaluation, which is rolled back."));
}

void Enter(Oid user, const SandboxLimits& limits) {
  XactReadOnly = true;  // the end of the subtransaction sets back what it was, and the user
  SetUserIdAndSecContext(user, SECURITY_RESTRICTED_OPERATION | SECURITY_LOCAL_USERID_CHANGE);
  NewGUCNestLevel();
  FixFilterSettings();
  set_config_option("lock_timeout", psprintf("%d", limits.lock_milliseconds), PGC_USERSET,
                    PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
  // Compiling would take longer than what it can save on one row.
  set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
  PushActiveSnapshot(GetLatestSnapshot());
}

// Code can raise any SQLSTATE; that it is one of the server's own cancels, it cannot pretend.
bool IsCancel(const ErrorData* error) {
  return error->sqlerrcode == ERRCODE_QUERY_CANCELED && error->funcname != nullptr &&
         strcmp(error->funcname, "ProcessInterrupts") == 0;
}

// It will be stored, as often as the code fails.
void ClipMessage(ErrorData* error) {
  auto size = static_cast<int>(strlen(error->message));
  if (size > kErrorBytesMax) error->message[pg_mbcliplen(error->message, size, kErrorBytesMax)] = 0;
}

// Not the code's fault, nor the message's: others are in the way, or the disk is full.
bool IsConflict(const ErrorData* error) {
  int category = ERRCODE_TO_CATEGORY(error->sqlerrcode);
  return error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
         error->sqlerrcode == ERRCODE_DISK_FULL || category == ERRCODE_TRANSACTION_ROLLBACK ||
         category == ERRCODE_SYSTEM_ERROR;
}

}  // namespace

SandboxResult RunInSandbox(Oid user, SandboxLimits limits, void (*body)(void*), void* argument) {
  // There is one budget.
  RefuseInSandbox("a function that evaluates or checks filters");
  ErrorData* error = nullptr;
  bool over = false;
  // Beginning a subtransaction can fail, too.
  WithCleanup(
      [&] {
        StartFilterBudget(limits.milliseconds);
        inside = true;
        error = InRolledBackSubtransaction([&] {
          Enter(user, limits);
          body(argument);
        });
      },
      [&](bool) {
        inside = false;
        over = StopFilterBudget();
      });
  if (error == nullptr) return {};
  // Somebody wants the whole call to end.
  if (IsCancel(error) && !over) ReThrowError(error);
  ClipMessage(error);
  return {IsConflict(error) ? SandboxEnd::kConflict : SandboxEnd::kRaised, error};
}

void RefuseInSandbox(const char* function) {
  if (!inside) return;
  ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
          errmsg("a filter cannot call %s", function));
}

void InitSandbox() {
  next_access_hook = object_access_hook;
  object_access_hook = OnAccess;
}

}  // namespace sequin
