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

// The name under which changes are published.
struct Face {
  Oid relation;
  int32 name_id;  // sequin.relation.id; 0: not asked for yet
};

// One way to write the changes of the table. Routes that want the same share a form, and the log
// row that is written for it. A form also says what the row's key column shows.
struct FormPlan {
  const Face* face;
  NumberFormat number_format;
  Bitmapset* members;         // indexes into RelationPlan::columns
  const ColumnPlan* columns;  // those, their values in the number format
  int column_count;
  bool shows_key;  // false: the owners may not read all of its columns
  // Columns whose values name the group, where the record or the consumer's arguments do not tell:
  // indexes into RelationPlan::columns, -1 where the owners may not read one.
  bool shows_group;
  const int* group_columns;
  const ColumnPlan* group_values;
  int group_column_count;
};

struct RoutePlan {
  int32 consumer;
  const Face* face;
  uint32 actions;    // on these it must be looked at
  uint32 publishes;  // these it gets
  Transition transition;
  bool old_row_known;  // kInsertDelete: whether the old row matched can be told
  const Definition* definition;
  const char* filter_text;
  CompiledFilter* filter;  // nullptr: everything
  bool late;               // there is one, but it is evaluated when the message is claimed
  uint32 unlogged;         // actions whose rows lack values that it looks at
  int form;
  int candidate_form;  // with all columns that the owner may read
  GroupBy group_by;
  bool latest;               // only the newest message of each key is of interest
  const int* group_columns;  // indexes into RelationPlan::columns
  int group_column_count;
  bool group_in_identity;  // the WAL carries their old values
};

struct RouteIndex;

struct RelationPlan {
  Oid relid;  // hash key: the table in the WAL (a leaf, for partitioned tables)
  bool valid;
  uint64 routing_generation;
  MemoryContext context;
  bool own_consumer_table;  // sequin.consumer
  bool own_feed_table;      // sequin.feed_chunk
  const char* error;        // its changes cannot be encoded: forms are missing
  char replica_identity;
  bool has_rows;     // not a partitioned table
  const Oid* above;  // partition ancestors, nearest first, or tables it inherits from
  int above_count;
  Face root;  // the partition root, or the table itself
  Face own;   // of partitions
  TupleDesc descriptor;
  ColumnPlan* columns;  // all; values in the standard format, for keys
  int column_count;
  const int* key;  // indexes into columns; key_count 0: no key
  int key_count;
  bool key_in_identity;  // old keys are in the WAL
  RoutePlan* routes;
  int route_count;
  RouteIndex* route_index;  // nullptr: not made yet
  FilterRows* filter_rows;  // nullptr: no filters
  int timed_changes;        // so many more: each filter by itself
  FormPlan* forms;
  int form_count;
  uint32 actions;  // of all routes together

  bool IsBelow(Oid relation) const {
    for (int i = 0; i < above_count; i++) {
      if (above[i] == relation) return true;
    }
    return false;
  }
  bool IsPartition() const { return root.relation != own.relation; }
};

// Empties the server's caches of the catalogs, which have nothing to do with plans: those are made
// under the historic snapshot only, and decoded transactions say what has changed under it.
void EmptyCachesButPlans();

class RelationPlans {
 public:
  void Init(MemoryContext parent, Routing* routing, Batch* batch);
  // Ids given to table names before, from sequin.relation.
  void LoadName(int32 id, Oid reloid, const char* schema, const char* table);
  // The number of a table of that name, given to it now if it has none.
  int32 IdOfName(Oid reloid, const char* schema, const char* table) {
    return NameId(reloid, schema, table);
  }
  // The plan of a relation opened under the historic snapshot.
  RelationPlan* PlanOf(Relation relation);

 private:
  static constexpr long kSweepMin = 1024;

  struct Listeners;

  void Sweep();
  void Build(RelationPlan* plan, Relation relation);
  void PlanListeners(RelationPlan* plan, Relation relation, Listeners* listeners);
  void AddListener(RelationPlan* plan, const Definition* definition, Listeners* listeners);
  void PlanRoutes(RelationPlan* plan, Relation relation, const Listeners& listeners);
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
