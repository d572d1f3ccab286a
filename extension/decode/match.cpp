// Filters of one change (match.h).
#include "decode/match.h"

#include <algorithm>

#include "decode/route_index.h"
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
  if (!good) NoteFailedFilter(definition);
  if (definition->filter_failures >= kFilterFailuresMax) TurnFilterOff(definition);
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
  // Since the change began: it is for another table, too.
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
    if (micros >= kTooSlowMicros) TurnFilterOff(definition);
  } else if (definition->filter_failures > 0) {
    definition->filter_failures = 0;
  }
}

// A change on which a filter fails becomes a candidate; the other filters are not touched by it:
// the loop goes on behind it in a new subtransaction.
void RunFilters(RelationPlan* plan, ActionMask action, const Tuples& tuples,
                std::span<RouteMatch> matches) {
  instr_time start;
  INSTR_TIME_SET_CURRENT(start);
  volatile size_t at = 0;
  while (at < matches.size()) {
    StartFilterBudget(kDecodeFiltersMs);
    ErrorData* error = InSubtransaction([&] {
      SetFilterRows(plan->filter_rows, tuples.before, tuples.after);
      for (; at < matches.size(); at = at + 1) {
        RouteMatch& match = matches[at];
        Evaluate(plan, action, tuples, &match, plan->routes[match.route]);
      }
    });
    bool over = StopFilterBudget();
    if (error == nullptr) break;
    FreeErrorData(error);
    const RoutePlan& route = plan->routes[matches[at].route];
    // Claims cannot tell what becomes of an update: then rather again and again.
    if (route.transition == Transition::kUpdate) NoteFilter(route.definition, false);
    if (over) TurnFilterOff(route.definition);
    matches[at].candidate = true;
    at = at + 1;
  }
  if (plan->timed_changes > 0) plan->timed_changes--;
  if (MicrosSince(start) < kSlowMicros) return;
  plan->timed_changes = kTimedChanges;
  // What took so long may have made values as large.
  SetFilterRows(plan->filter_rows, nullptr, nullptr);
}

// Whether a value is missing that an UPDATE did not change, or one that is to be fetched first: no
// filter may look at it, and each has to find that out by itself.
bool LacksValues(const RelationPlan* plan, HeapTuple tuple, const Row& row) {
  if (tuple == nullptr || !HeapTupleHasExternal(tuple)) return false;
  for (int i = 0; i < plan->descriptor->natts; i++) {
    if (row.nulls[i] || TupleDescAttr(plan->descriptor, i)->attlen != -1) continue;
    if (VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(row.values[i]))) return true;
  }
  return false;
}

TestedRows RowsToTest(ActionMask action, HeapTuple before, const RowBuffers& rows) {
  // As the filters have it, see Tuples.
  const Row* old_row = before == nullptr && action == kUpdate ? &rows.after : &rows.before;
  const Row* plain = rows.after.exists ? &rows.after : &rows.before;
  return {{old_row, &rows.after, plain}};
}

// Splits the filters: what their index decides goes to `matched`, the rest to `to_evaluate`.
void AskIndex(const RelationPlan* plan, const ActionRoutes& routes, const TestedRows& rows,
              RouteIndex* index) {
  for (int route : routes.each) index->to_evaluate.push(route);
  routes.index->Find(rows, [&](int route) {
    if (ShapeOf(plan->routes[route].filter).is_test) {
      index->matched.Add(route);
    } else {
      index->to_evaluate.push(route);
    }
  });
}

// Those that cannot fail need no subtransaction and no budget.
void RunHarmlessFilters(RelationPlan* plan, ActionMask action, const Tuples& tuples,
                        RouteIndex* index) {
  bool set = false;
  size_t left = 0;
  for (int number : index->to_evaluate) {
    const RoutePlan& route = plan->routes[number];
    bool harmless = !ShapeOf(route.filter).can_fail && (route.publishes & action) != 0 &&
                    !(action == kUpdate && route.transition == Transition::kInsertDelete);
    if (!harmless) {
      index->to_evaluate[left++] = number;
      continue;
    }
    if (!set) SetFilterRows(plan->filter_rows, tuples.before, tuples.after);
    set = true;
    if (EvaluateFilter(route.filter, plan->filter_rows)) index->matched.Add(number);
  }
  index->to_evaluate.count = left;
}

void MatchFilters(RelationPlan* plan, ActionMask action, const Tuples& tuples,
                  const ActionRoutes& routes, RouteIndex* index, const TestedRows& rows,
                  bool lacks_values) {
  if (lacks_values) {
    for (int route : routes.filtered) index->to_evaluate.push(route);
    return;
  }
  AskIndex(plan, routes, rows, index);
  if (!index->to_evaluate.empty()) RunHarmlessFilters(plan, action, tuples, index);
}

}  // namespace

// Without those that did not match.
static void KeepInOrder(Vec<RouteMatch>* matches) {
  auto lost = [](const RouteMatch& match) { return match.action == 0; };
  RouteMatch* end = std::remove_if(matches->begin(), matches->end(), lost);
  matches->count = static_cast<size_t>(end - matches->begin());
  std::sort(matches->begin(), matches->end(),
            [](const RouteMatch& one, const RouteMatch& other) { return one.route < other.route; });
}

bool MatchRoutes(RelationPlan* plan, ActionMask action, HeapTuple before, HeapTuple after,
                 const RowBuffers& rows, Vec<RouteMatch>* matches) {
  matches->clear();
  RouteIndex* index = RouteIndexOf(plan);
  const ActionRoutes& routes = RoutesOf(index, action);
  if (!routes.any) return false;
  index->matched.CopyFrom(routes.taken);
  index->to_evaluate.clear();
  if (!routes.filtered.empty()) {
    Tuples tuples{};
    tuples.after = Completed(plan, after, rows.after);
    // Where the WAL has no old row its identity columns are those of the new one, and no filter may
    // look at others.
    tuples.before = before == nullptr && action == kUpdate ? tuples.after : before;
    bool lacks_values = LacksValues(plan, tuples.after, rows.after);
    MatchFilters(plan, action, tuples, routes, index, RowsToTest(action, before, rows),
                 lacks_values);
    for (int route : index->to_evaluate) matches->push({route, action, false});
    if (!matches->empty()) RunFilters(plan, action, tuples, {matches->data, matches->count});
  }
  routes.candidates.Each([&](int route) { matches->push({route, action, true}); });
  bool mixed = !matches->empty();
  index->matched.Each([&](int route) { matches->push({route, action, false}); });
  if (mixed) KeepInOrder(matches);
  return !matches->empty();
}

}  // namespace sequin
