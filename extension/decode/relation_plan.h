// What decoding knows of one table under the schema of the WAL being decoded: how its rows are
// written, what its key is, and who gets its changes.
//
// Plans are made under the historic snapshot and thrown away when a decoded transaction changed
// the catalogs of the table, or when the routing changed.
#pragma once

#include "change/value_json.h"
#include "decode/routing.h"
#include "filter/filter.h"
#include "log/batch.h"
#include "pg/memory.h"

namespace sequin {

struct ColumnPlan {
  AttrNumber number;
  const char* prefix;  // `"name":`
  int prefix_bytes;
  bool in_identity;  // the WAL carries its old value
  ValuePlan* value;
};

enum class GroupBy : uint8_t {
  kKey,      // primary key, else replica identity index
  kEach,     // neither: every change is its own group
  kColumns,  // group_columns of the consumer; none of them = the whole table
};

struct RoutePlan {
  int32 consumer;
  uint32 actions;
  CompiledFilter* filter;    // nullptr: everything
  const char* filter_error;  // it does not compile for this table
  GroupBy group_by;
  const int* group_columns;  // indexes into RelationPlan::columns
  int group_column_count;
};

struct RelationPlan {
  Oid relid;  // hash key: the table in the WAL (a leaf, for partitioned tables)
  bool valid;
  uint64 routing_generation;
  MemoryContext context;
  bool own_consumer_table;  // sequin.consumer
  char replica_identity;
  Oid published;      // the partition root, or the table itself
  int32 relation_id;  // sequin.relation.id
  TupleDesc descriptor;
  ColumnPlan* columns;
  int column_count;
  const int* key;  // indexes into columns; key_count 0: no key
  int key_count;
  bool key_in_identity;  // old keys are in the WAL
  RoutePlan* routes;
  int route_count;
  uint32 actions;  // of all routes together
};

class RelationPlans {
 public:
  void Init(MemoryContext parent, Routing* routing, Batch* batch);
  // Ids given to table names before, from sequin.relation.
  void LoadName(int32 id, Oid reloid, const char* schema, const char* table);
  // The plan of a relation opened under the historic snapshot.
  RelationPlan* PlanOf(Relation relation);

 private:
  static constexpr long kSweepMin = 1024;

  void Sweep();
  void Build(RelationPlan* plan, Relation relation);
  void PlanColumns(RelationPlan* plan, Relation relation);
  void PlanKey(RelationPlan* plan, Relation relation);
  void PlanRoutes(RelationPlan* plan, Relation relation);
  void PlanRoute(RelationPlan* plan, Relation relation, const Definition* definition);
  int32 NameId(Oid reloid, const char* schema, const char* table);

  MemoryContext context_;
  HTAB* plans_;
  long sweep_at_;  // entries of plans_
  HTAB* names_;
  int32 last_name_id_;
  Routing* routing_;
  Batch* batch_;
};

}  // namespace sequin
