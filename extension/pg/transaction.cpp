// The only PG_TRY of the extension: subtransactions and cleanups around functions that may raise.
#include "pg/transaction.h"

namespace sequin {

ErrorData* RunInSubtransaction(void (*body)(void*), void* argument, bool keep) {
  MemoryContext before = CurrentMemoryContext;
  ResourceOwner owner = CurrentResourceOwner;
  ErrorData* volatile error = nullptr;

  BeginInternalSubTransaction(nullptr);
  MemoryContextSwitchTo(before);
  PG_TRY();
  {
    body(argument);
    if (keep) {
      ReleaseCurrentSubTransaction();
    } else {
      RollbackAndReleaseCurrentSubTransaction();
    }
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(before);
    error = CopyErrorData();
    FlushErrorState();
    RollbackAndReleaseCurrentSubTransaction();
  }
  PG_END_TRY();
  MemoryContextSwitchTo(before);
  CurrentResourceOwner = owner;
  return error;
}

ErrorData* RunTransaction(void (*body)(void*), void* argument) {
  MemoryContext before = CurrentMemoryContext;
  ErrorData* volatile error = nullptr;

  PG_TRY();
  {
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
    body(argument);
    CommitTransactionCommand();
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(before);
    error = CopyErrorData();
    FlushErrorState();
    AbortCurrentTransaction();
  }
  PG_END_TRY();
  MemoryContextSwitchTo(before);
  return error;
}

bool MayPass(const ErrorData* error) {
  int category = ERRCODE_TO_CATEGORY(error->sqlerrcode);
  return category == ERRCODE_INSUFFICIENT_RESOURCES || category == ERRCODE_OPERATOR_INTERVENTION ||
         category == ERRCODE_SYSTEM_ERROR;
}

void RunWithCleanup(void (*body)(void*), void* argument, void (*cleanup)(void*, bool failed)) {
  PG_TRY();
  { body(argument); }
  PG_CATCH();
  {
    cleanup(argument, true);
    PG_RE_THROW();
  }
  PG_END_TRY();
  cleanup(argument, false);
}

}  // namespace sequin
