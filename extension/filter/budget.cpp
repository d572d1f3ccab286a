// The budget as a timeout that cancels, like a statement_timeout of its own (budget.h).
#include "filter/budget.h"

#include "pg/prelude.h"

namespace sequin {
namespace {

TimeoutId budget_timeout = MAX_TIMEOUTS;  // not registered yet
volatile sig_atomic_t budget_over = false;
ErrorContextCallback error_place;

void OnTimeout() {
  budget_over = true;
  QueryCancelPending = true;
  InterruptPending = true;
}

void SayWhy(void*) {
  if (budget_over && geterrcode() == ERRCODE_QUERY_CANCELED) {
    errmsg("the filter was stopped after %d ms", kFilterBudgetMs);
  }
}

}  // namespace

void StartFilterBudget() {
  if (budget_timeout == MAX_TIMEOUTS) budget_timeout = RegisterTimeout(USER_TIMEOUT, OnTimeout);
  budget_over = false;
  error_place.callback = SayWhy;
  error_place.previous = error_context_stack;
  error_context_stack = &error_place;
  enable_timeout_after(budget_timeout, kFilterBudgetMs);
}

void StopFilterBudget() {
  disable_timeout(budget_timeout, false);
  error_context_stack = error_place.previous;
  // It may have run out behind the last evaluation: nothing is left to be cancelled.
  if (budget_over) QueryCancelPending = false;
  budget_over = false;
}

}  // namespace sequin
