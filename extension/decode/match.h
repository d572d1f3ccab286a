// Which routes of a table take a change.
#pragma once

#include "decode/relation_plan.h"
#include "decode/row.h"

namespace sequin {

struct RouteMatch {
  int route;          // of plan->routes
  ActionMask action;  // as what the consumer gets it
  bool candidate;     // its filter is evaluated when it is received
};

// The routes that take the change, ascending; false: nobody does. `rows` are those of the tuples,
// `before` completed as far as the WAL allows.
bool MatchRoutes(RelationPlan* plan, ActionMask action, HeapTuple before, HeapTuple after,
                 const RowBuffers& rows, Vec<RouteMatch>* matches);

}  // namespace sequin
