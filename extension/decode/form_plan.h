// Forms and routes of a relation plan: who shares a log row with whom (relation_plan.h).
#pragma once

#include "decode/relation_plan.h"

namespace sequin {

// The columns of a table, whether their old values are in the WAL, and its key.
void PlanColumns(RelationPlan* plan, Relation relation);
void PlanKey(RelationPlan* plan, Relation relation);

// What a consumer wants of the table, as far as that does not depend on its columns.
struct RouteRequest {
  const Definition* definition;
  TableChoice choice;
  bool own_group;    // group_columns are those of table_options
  Oid rights_table;  // what the owner must be able to read: the partition root, or the table itself
};

// Completes plan->routes[i]: form, groups, filter. The columns were planned before.
void PlanRoute(RelationPlan* plan, Relation relation, const RouteRequest& request,
               RoutePlan* route);

}  // namespace sequin
