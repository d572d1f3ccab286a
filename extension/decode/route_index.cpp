// Making the index of the routes of a table (route_index.h).
#include "decode/route_index.h"

#include "pg/planted_bug.h"

namespace sequin {

// An update that may be an insert or a delete to somebody: what matters is also the old row.
static bool Turns(const RoutePlan& route, ActionMask action) {
  return action == kUpdate && route.transition == Transition::kInsertDelete &&
         !Planted("transition_ignored");
}

static void AddFilter(ActionRoutes* routes, const RoutePlan& route, int number, ActionMask action) {
  routes->filtered.push(number);
  const FilterShape& shape = ShapeOf(route.filter);
  // One that has failed is watched: it counts how often it does so in a row.
  bool watched = shape.can_fail && route.definition->filter_failed;
  bool published = (route.publishes & action) != 0;
  if (!shape.has_test || watched || !published || Turns(route, action)) {
    routes->each.push(number);
  } else {
    routes->index->Add(number, shape.test, shape.can_fail);
  }
}

static void AddRoute(ActionRoutes* routes, const RoutePlan& route, int number, ActionMask action) {
  if ((route.actions & action) == 0) return;
  routes->any = true;
  if (route.late) {
    routes->candidates.Add(number);
  } else if (route.filter == nullptr) {
    routes->taken.Add(number);
  } else if (route.unlogged & action) {
    // A row that may have matched is taken away; else claims say what is missing.
    bool taken_away = action == kDelete && route.transition == Transition::kInsertDelete;
    (taken_away ? routes->taken : routes->candidates).Add(number);
  } else if (route.definition->filter_off) {
    routes->candidates.Add(number);
  } else {
    AddFilter(routes, route, number, action);
  }
}

static void Make(RouteIndex* index, const RelationPlan* plan, ActionMask action,
                 ActionRoutes* routes) {
  *routes = ActionRoutes{};
  routes->taken = RouteSet(index->context, plan->route_count);
  routes->candidates = RouteSet(index->context, plan->route_count);
  routes->filtered.context = routes->each.context = index->context;
  routes->index = New<FilterIndex>(index->context, index->context);
  for (int i = 0; i < plan->route_count; i++) AddRoute(routes, plan->routes[i], i, action);
  routes->index->Finish();
}

RouteIndex* RouteIndexOf(RelationPlan* plan) {
  RouteIndex* known = plan->route_index;
  if (known != nullptr && known->filter_generation == FilterGeneration()) return known;
  if (known != nullptr) {
    plan->route_index = nullptr;
    MemoryContextDelete(known->context);
  }
  MemoryContext context = NewContext(plan->context, "sequin route index");
  auto* index = New<RouteIndex>(context);
  index->filter_generation = FilterGeneration();
  index->context = context;
  index->matched = RouteSet(context, plan->route_count);
  index->to_evaluate.context = context;
  InContext(context, [&] {
    Make(index, plan, kInsert, &index->insert);
    Make(index, plan, kUpdate, &index->update);
    Make(index, plan, kDelete, &index->remove);
    Make(index, plan, kRead, &index->read);
  });
  return plan->route_index = index;
}

const ActionRoutes& RoutesOf(const RouteIndex* index, ActionMask action) {
  switch (action) {
    case kInsert:
      return index->insert;
    case kUpdate:
      return index->update;
    case kDelete:
      return index->remove;
    default:
      return index->read;
  }
}

}  // namespace sequin
