// What decoding knows of one table (relation_plan.h).
#include "decode/relation_plan.h"

#include "catalog/captured_table.h"
#include "filter/budget.h"
#include "pg/table.h"
#include "pg/transaction.h"

namespace sequin {

static HTAB* all_plans = nullptr;  // for the invalidation callback, which cannot be unregistered

// Plans of partitions depend on their root, too: on its name and on who may read it.
static void InvalidateOne(Datum, Oid relid) {
  if (all_plans == nullptr) return;
  HASH_SEQ_STATUS scan;
  hash_seq_init(&scan, all_plans);
  while (auto* plan = static_cast<RelationPlan*>(hash_seq_search(&scan))) {
    if (!OidIsValid(relid) || plan->relid == relid || plan->published == relid) plan->valid = false;
  }
}

// Names of schemas are part of plans; types and operators are part of compiled filters.
static void InvalidateAll(Datum, int, uint32) {
  InvalidateOne(0, InvalidOid);
}

struct NameKey {
  Oid reloid;
  char schema[NAMEDATALEN];
  char table[NAMEDATALEN];
};
struct NameEntry {
  NameKey key;
  int32 id;
};

void RelationPlans::Init(MemoryContext parent, Routing* routing, Batch* batch) {
  context_ = NewContext(parent, "sequin relation plans");
  routing_ = routing;
  batch_ = batch;
  last_name_id_ = 0;
  sweep_at_ = kSweepMin;
  HASHCTL control{};
  control.keysize = sizeof(Oid);
  control.entrysize = sizeof(RelationPlan);
  control.hcxt = context_;
  plans_ = hash_create("sequin plans", 128, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  HASHCTL names{};
  names.keysize = sizeof(NameKey);
  names.entrysize = sizeof(NameEntry);
  names.hcxt = context_;
  names_ = hash_create("sequin names", 128, &names, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  all_plans = plans_;
  CacheRegisterRelcacheCallback(InvalidateOne, 0);
  CacheRegisterSyscacheCallback(NAMESPACEOID, InvalidateAll, 0);
  CacheRegisterSyscacheCallback(TYPEOID, InvalidateAll, 0);
}

static NameKey KeyOfName(Oid reloid, const char* schema, const char* table) {
  NameKey key{};
  key.reloid = reloid;
  strlcpy(key.schema, schema, NAMEDATALEN);
  strlcpy(key.table, table, NAMEDATALEN);
  return key;
}

void RelationPlans::LoadName(int32 id, Oid reloid, const char* schema, const char* table) {
  NameKey key = KeyOfName(reloid, schema, table);
  auto* entry = static_cast<NameEntry*>(hash_search(names_, &key, HASH_ENTER, nullptr));
  entry->id = id;
  last_name_id_ = Max(last_name_id_, id);
}

int32 RelationPlans::NameId(Oid reloid, const char* schema, const char* table) {
  NameKey key = KeyOfName(reloid, schema, table);
  bool found;
  auto* entry = static_cast<NameEntry*>(hash_search(names_, &key, HASH_ENTER, &found));
  if (!found) {
    entry->id = ++last_name_id_;
    batch_->AddRelation({entry->id, reloid, entry->key.schema, entry->key.table});
  }
  return entry->id;
}

// Tables that were dropped leave plans that nobody asks for again. All invalid ones go when there
// are many; those that are needed are made anew.
void RelationPlans::Sweep() {
  if (hash_get_num_entries(plans_) < sweep_at_) return;
  HASH_SEQ_STATUS scan;
  hash_seq_init(&scan, plans_);
  while (auto* plan = static_cast<RelationPlan*>(hash_seq_search(&scan))) {
    if (plan->valid) continue;
    if (plan->context) MemoryContextDelete(plan->context);
    hash_search(plans_, &plan->relid, HASH_REMOVE, nullptr);
  }
  sweep_at_ = Max(kSweepMin, 2 * hash_get_num_entries(plans_));
}

RelationPlan* RelationPlans::PlanOf(Relation relation) {
  Sweep();
  Oid relid = RelationGetRelid(relation);
  bool found;
  auto* plan = static_cast<RelationPlan*>(hash_search(plans_, &relid, HASH_ENTER, &found));
  if (!found) {
    *plan = RelationPlan{};
    plan->relid = relid;
  }
  if (!plan->valid || plan->routing_generation != routing_->generation()) Build(plan, relation);
  return plan;
}

void RelationPlans::Build(RelationPlan* plan, Relation relation) {
  if (plan->context) MemoryContextDelete(plan->context);
  Oid relid = plan->relid;
  *plan = RelationPlan{};
  plan->relid = relid;
  plan->context = NewContext(context_, "sequin relation plan");
  plan->routing_generation = routing_->generation();
  // Invalidations that arrive while we look at the catalogs must not be lost.
  plan->valid = true;
  InContext(plan->context, [&] {
    plan->published = relid;
    if (relation->rd_rel->relispartition) {
      List* ancestors = get_partition_ancestors(relid);
      if (ancestors != NIL) plan->published = llast_oid(ancestors);
    }
    plan->replica_identity = relation->rd_rel->relreplident;
    plan->descriptor = CreateTupleDescCopyConstr(RelationGetDescr(relation));
    if (get_rel_namespace(relid) == OwnSchema(true)) {
      plan->own_consumer_table = strcmp(RelationGetRelationName(relation), "consumer") == 0;
      return;
    }
    if (IsCatalogNamespace(get_rel_namespace(relid)) || relid < FirstNormalObjectId) return;
    // Materialized views are in the WAL like tables.
    if (relation->rd_rel->relkind != RELKIND_RELATION &&
        relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE) {
      return;
    }
    PlanRoutes(plan, relation);
  });
}

void RelationPlans::PlanColumns(RelationPlan* plan, Relation relation) {
  Bitmapset* identity = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_IDENTITY_KEY);
  plan->columns = NewArray<ColumnPlan>(plan->context, static_cast<size_t>(plan->descriptor->natts));
  for (int i = 0; i < plan->descriptor->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(plan->descriptor, i);
    // Stored generated values are in the WAL; virtual ones (as of 18) are not.
    if (attribute->attisdropped || attribute->attgenerated == 'v') continue;
    ColumnPlan& column = plan->columns[plan->column_count++];
    StringInfoData prefix;
    initStringInfo(&prefix);
    AppendJsonName(&prefix, NameStr(attribute->attname));
    appendStringInfoChar(&prefix, ':');
    column.number = attribute->attnum;
    column.prefix = prefix.data;
    column.prefix_bytes = prefix.len;
    column.in_identity =
        plan->replica_identity == REPLICA_IDENTITY_FULL ||
        bms_is_member(attribute->attnum - FirstLowInvalidHeapAttributeNumber, identity);
    column.value = PlanValue(attribute->atttypid, NumberFormat::kStandard, plan->context);
  }
}

static int ColumnIndex(const RelationPlan* plan, AttrNumber number) {
  for (int i = 0; i < plan->column_count; i++) {
    if (plan->columns[i].number == number) return i;
  }
  return -1;
}

// Primary key, unless old values of it are not in the WAL but those of a replica identity index
// are; else the replica identity index; else none.
void RelationPlans::PlanKey(RelationPlan* plan, Relation relation) {
  Oid primary = RelationGetPrimaryKeyIndex(relation);
  Oid identity = RelationGetReplicaIndex(relation);
  auto covered = [&](Relation index, bool* in_identity) {
    *in_identity = true;
    for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++) {
      int column = ColumnIndex(plan, index->rd_index->indkey.values[i]);
      if (column < 0) return false;
      if (!plan->columns[column].in_identity) *in_identity = false;
    }
    return true;
  };
  for (Oid candidate : {primary, identity}) {
    if (!OidIsValid(candidate)) continue;
    Relation index = index_open(candidate, AccessShareLock);
    bool in_identity;
    bool usable = covered(index, &in_identity);
    bool better_follows =
        candidate == primary && !in_identity && OidIsValid(identity) && identity != primary;
    if (usable && !better_follows) {
      int count = IndexRelationGetNumberOfKeyAttributes(index);
      int* key = NewArray<int>(plan->context, static_cast<size_t>(count));
      for (int i = 0; i < count; i++) {
        key[i] = ColumnIndex(plan, index->rd_index->indkey.values[i]);
      }
      plan->key = key;
      plan->key_count = count;
      plan->key_in_identity = in_identity;
    }
    index_close(index, AccessShareLock);
    if (plan->key_count > 0) return;
  }
}

void RelationPlans::PlanRoutes(RelationPlan* plan, Relation relation) {
  const char* schema = get_namespace_name(get_rel_namespace(plan->published));
  const char* table = get_rel_name(plan->published);
  if (schema == nullptr || table == nullptr) return;
  plan->routes = NewArray<RoutePlan>(plan->context, routing_->definitions().count);
  for (const Definition* definition : routing_->definitions()) {
    std::span<const char* const> patterns(definition->tables,
                                          static_cast<size_t>(definition->table_count));
    if (!TableMatches(patterns, schema, table)) continue;
    // A consumer captures as its owner.
    if (!OwnerMayCapture(plan->published, definition->owner)) continue;
    if (plan->columns == nullptr) {
      PlanColumns(plan, relation);
      PlanKey(plan, relation);
      plan->relation_id = NameId(plan->published, schema, table);
    }
    PlanRoute(plan, relation, definition);
  }
}

void RelationPlans::PlanRoute(RelationPlan* plan, Relation relation, const Definition* definition) {
  RoutePlan& route = plan->routes[plan->route_count++];
  route = RoutePlan{};
  route.consumer = definition->consumer;
  route.actions = definition->actions;
  plan->actions |= route.actions;
  route.group_by = plan->key_count > 0 ? GroupBy::kKey : GroupBy::kEach;
  if (definition->custom_group) {
    route.group_by = GroupBy::kColumns;
    int* columns =
        NewArray<int>(plan->context, static_cast<size_t>(definition->group_column_count));
    for (int i = 0; i < definition->group_column_count; i++) {
      AttrNumber number = get_attnum(plan->relid, definition->group_columns[i]);
      int column = ColumnIndex(plan, number);
      // A column that this table does not have (any more) groups nothing: the rest decides.
      if (column >= 0) columns[route.group_column_count++] = column;
    }
    route.group_columns = columns;
  }
  if (definition->filter != nullptr) {
    ErrorData* error = InSubtransaction(
        [&] { route.filter = CompileFilter(relation, definition->filter, plan->context); });
    if (error != nullptr) {
      route.filter = nullptr;
      route.filter_error = MemoryContextStrdup(plan->context, error->message);
    }
  }
}

}  // namespace sequin
