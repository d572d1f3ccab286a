// Filters of one change (match.h).
#include "decode/match.h"

#include "filter/budget.h"
#include "pg/planted_bug.h"
#include "pg/transaction.h"

namespace sequin {

namespace {

// The most that one change may cost all filters together.
constexpr int kDecodeFiltersMs = 100;
// A filter that fails again and again, or is as slow as this again and again, is left to claims.
constexpr int kFilterFailuresMax = 10;
constexpr int64 kSlowMicros = 10000;
// As slow as this once is enough: not every function can be interrupted.
constexpr int64 kTooSlowMicros = kDecodeFiltersMs * 1000;
// After a slow change filters are timed one by one for a while: a clock costs as much as a filter.
constexpr int kTimedChanges = 64;

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

int64 MicrosSince(const instr_time& start) {
  instr_time now;
  INSTR_TIME_SET_CURRENT(now);
  INSTR_TIME_SUBTRACT(now, start);
  return static_cast<int64>(INSTR_TIME_GET_MICROSEC(now));
}

void NoteFilter(const Definition* definition, bool good) {
  definition->filter_failures = good ? 0 : definition->filter_failures + 1;
  if (definition->filter_failures >= kFilterFailuresMax) definition->filter_off = true;
}

// To a consumer that wants the rows that match, an update may bring a row or take it away. Where
// the old row cannot be told, it may have matched: taking away what is not there does no harm.
ActionMask TurnedUpdate(const RoutePlan& route, FilterRows* rows, const Tuples& tuples,
                        bool matches) {
  bool matched = false;
  bool known = route.old_row_known;
  if (known) {
    ErrorData* error = InSubtransaction([&] {
      SetFilterRows(rows, nullptr, tuples.before);
      matched = EvaluateFilter(route.filter, rows);
    });
    SetFilterRows(rows, tuples.before, tuples.after);
    known = error == nullptr;
    if (error != nullptr) FreeErrorData(error);
  }
  if (known && !matched) return matches ? kInsert : ActionMask{};
  if (!matches) return kDelete;
  // Who does not get updates needs the row all the same when it may be new.
  bool new_rather = !known && (route.publishes & kUpdate) == 0;
  return new_rather ? kInsert : kUpdate;
}

ActionMask ActionFor(const RoutePlan& route, ActionMask action, FilterRows* rows,
                     const Tuples& tuples) {
  bool matches = EvaluateFilter(route.filter, rows);
  ActionMask as = action;
  if (action == kUpdate && route.transition == Transition::kInsertDelete &&
      !Planted("transition_ignored")) {
    as = TurnedUpdate(route, rows, tuples, matches);
  } else if (!matches) {
    as = ActionMask{};
  }
  return static_cast<ActionMask>(as & route.publishes);
}

void Evaluate(RelationPlan* plan, ActionMask action, const Tuples& tuples, RouteMatch* match,
              const RoutePlan& route) {
  const Definition* definition = route.definition;
  if (route.unlogged & action) {
    // A row that may have matched is taken away; else claims say what is missing.
    bool taken_away = action == kDelete && route.transition == Transition::kInsertDelete;
    match->candidate = !taken_away;
    return;
  }
  if (definition->filter_off) {
    match->candidate = true;
    return;
  }
  instr_time start;
  if (plan->timed_changes > 0) INSTR_TIME_SET_CURRENT(start);
  match->action = ActionFor(route, action, plan->filter_rows, tuples);
  if (plan->timed_changes > 0) {
    int64 micros = MicrosSince(start);
    NoteFilter(definition, micros < kSlowMicros);
    if (micros >= kTooSlowMicros) definition->filter_off = true;
  } else if (definition->filter_failures > 0) {
    definition->filter_failures = 0;
  }
}

// A change on which a filter fails becomes a candidate; the other filters are not touched by it:
// the loop goes on behind it in a new subtransaction.
void RunFilters(RelationPlan* plan, ActionMask action, const Tuples& tuples, RouteMatch* matches) {
  instr_time start;
  INSTR_TIME_SET_CURRENT(start);
  volatile int at = 0;
  while (at < plan->route_count) {
    StartFilterBudget(kDecodeFiltersMs);
    ErrorData* error = InSubtransaction([&] {
      SetFilterRows(plan->filter_rows, tuples.before, tuples.after);
      for (; at < plan->route_count; at = at + 1) {
        const RoutePlan& route = plan->routes[at];
        if (matches[at].action == 0 || route.filter == nullptr) continue;
        Evaluate(plan, action, tuples, &matches[at], route);
      }
    });
    bool over = StopFilterBudget();
    if (error == nullptr) break;
    FreeErrorData(error);
    const RoutePlan& route = plan->routes[at];
    // Claims cannot tell what becomes of an update: then rather again and again.
    if (route.transition == Transition::kUpdate) NoteFilter(route.definition, false);
    if (over) route.definition->filter_off = true;
    matches[at].candidate = true;
    at = at + 1;
  }
  if (plan->timed_changes > 0) plan->timed_changes--;
  if (MicrosSince(start) < kSlowMicros) return;
  plan->timed_changes = kTimedChanges;
  // What took so long may have made values as large.
  SetFilterRows(plan->filter_rows, nullptr, nullptr);
}

}  // namespace

bool MatchRoutes(RelationPlan* plan, ActionMask action, HeapTuple before, HeapTuple after,
                 const RowBuffers& rows, Vec<RouteMatch>* matches) {
  matches->clear();
  bool any = false;
  bool filters = false;
  for (int i = 0; i < plan->route_count; i++) {
    const RoutePlan& route = plan->routes[i];
    RouteMatch match{};
    if ((route.actions & action) != 0) {
      match.action = action;
      match.candidate = route.late;
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
  RunFilters(plan, action, tuples, matches->data);
  any = false;
  for (const RouteMatch& match : *matches) any |= match.action != 0;
  return any;
}

}  // namespace sequin
