// Which routes of a table take a change.
#pragma once

#include "decode/relation_plan.h"
#include "decode/row.h"

namespace sequin {

struct RouteMatch {
  ActionMask action;  // as what the consumer gets it; 0: not at all
  bool candidate;     // its filter is evaluated when it is received
};

// One element for each of plan->routes; false: nobody takes the change. `rows` are those of the
// tuples, `before` completed as far as the WAL allows.
bool MatchRoutes(RelationPlan* plan, ActionMask action, HeapTuple before, HeapTuple after,
                 const RowBuffers& rows, Vec<RouteMatch>* matches);

}  // namespace sequin
