// Filters of one change (match.h).
#include "decode/match.h"

#include "filter/budget.h"
#include "pg/transaction.h"

namespace sequin {

namespace {

struct Tuples {
  HeapTuple before;
  HeapTuple after;
};

// The tuple with the unchanged TOASTed values that the old one supplied. What is still missing
// stays a TOAST pointer: a filter that mentions it raises.
HeapTuple Completed(const RelationPlan* plan, HeapTuple tuple, const Row& row) {
  if (tuple == nullptr || !HeapTupleHasExternal(tuple)) return tuple;
  return heap_form_tuple(plan->descriptor, row.values, row.nulls);
}

// To a consumer that wants the rows that match, an update may bring a row or take it away. Where
// the old row cannot be told, it may have matched: taking away what is not there does no harm.
ActionMask TurnedUpdate(const RoutePlan& route, const Tuples& tuples, bool matches) {
  if (!route.old_row_known) return matches ? kUpdate : kDelete;
  bool matched = EvaluateFilter(route.filter, nullptr, tuples.before);
  if (matches) return matched ? kUpdate : kInsert;
  return matched ? kDelete : ActionMask{};
}

ActionMask ActionFor(const RoutePlan& route, ActionMask action, const Tuples& tuples) {
  bool matches = EvaluateFilter(route.filter, tuples.before, tuples.after);
  ActionMask as = action;
  if (action == kUpdate && route.transition == Transition::kInsertDelete) {
    as = TurnedUpdate(route, tuples, matches);
  } else if (!matches) {
    as = ActionMask{};
  }
  return static_cast<ActionMask>(as & route.publishes);
}

}  // namespace

// An error of a filter is its consumer's; the others are not touched by it: the loop goes on behind
// it in a new subtransaction.
bool MatchRoutes(const RelationPlan* plan, ActionMask action, HeapTuple before, HeapTuple after,
                 const RowBuffers& rows, Vec<RouteMatch>* matches) {
  matches->clear();
  bool any = false;
  bool filters = false;
  for (int i = 0; i < plan->route_count; i++) {
    const RoutePlan& route = plan->routes[i];
    RouteMatch match{};
    if ((route.actions & action) != 0) {
      match.error = route.filter_error;
      if (match.error == nullptr) match.action = action;
      any = true;
      filters |= route.filter != nullptr;
    }
    matches->push(match);
  }
  if (!filters) return any;
  Tuples tuples{};
  tuples.after = Completed(plan, after, rows.after);
  // Where the WAL has no old row its identity columns are those of the new one, and no filter may
  // look at others.
  tuples.before = before == nullptr && action == kUpdate ? tuples.after : before;
  volatile int at = 0;
  while (at < plan->route_count) {
    StartFilterBudget();
    ErrorData* error = InSubtransaction([&] {
      for (; at < plan->route_count; at = at + 1) {
        const RoutePlan& route = plan->routes[at];
        ActionMask& as = (*matches)[static_cast<size_t>(at)].action;
        if (as != 0 && route.filter) as = ActionFor(route, action, tuples);
      }
    });
    StopFilterBudget();
    if (error == nullptr) break;
    RouteMatch& failed = (*matches)[static_cast<size_t>(at)];
    failed.action = ActionMask{};
    failed.error = error->message;
    at = at + 1;
  }
  any = false;
  for (const RouteMatch& match : *matches) any |= match.action != 0 || match.error != nullptr;
  return any;
}

}  // namespace sequin
