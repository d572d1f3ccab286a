// The budget as a timeout that cancels, like a statement_timeout of its own (budget.h).
#include "filter/budget.h"

#include "pg/prelude.h"

namespace sequin {
namespace {

TimeoutId budget_timeout = MAX_TIMEOUTS;  // not registered yet
volatile sig_atomic_t budget_over = false;
bool running = false;
int budget_ms = 0;
ErrorContextCallback error_place;

void Cancel() {
  QueryCancelPending = true;
  InterruptPending = true;
}

void OnTimeout() {
  budget_over = true;
  Cancel();
}

// A block of PL/pgSQL has caught an error, perhaps ours, and goes on: not for long.
void AfterCaughtError(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  if (event == SUBXACT_EVENT_ABORT_SUB && running && budget_over) Cancel();
}

void SayWhy(void*) {
  if (budget_over && geterrcode() == ERRCODE_QUERY_CANCELED) {
    errmsg("the filter was stopped after %d ms", budget_ms);
  }
}

void Register() {
  budget_timeout = RegisterTimeout(USER_TIMEOUT, OnTimeout);
  RegisterSubXactCallback(AfterCaughtError, nullptr);
}

}  // namespace

void StartFilterBudget(int milliseconds) {
  if (budget_timeout == MAX_TIMEOUTS) Register();
  budget_over = false;
  running = true;
  budget_ms = milliseconds;
  error_place.callback = SayWhy;
  error_place.previous = error_context_stack;
  error_context_stack = &error_place;
  enable_timeout_after(budget_timeout, milliseconds);
}

bool StopFilterBudget() {
  disable_timeout(budget_timeout, false);
  error_context_stack = error_place.previous;
  running = false;
  // It may have run out behind the last evaluation: nothing is left to be cancelled.
  bool over = budget_over;
  if (over) QueryCancelPending = false;
  budget_over = false;
  return over;
}

}  // namespace sequin
