// What decoding knows of one table (relation_plan.h).
#include "decode/relation_plan.h"

#include "catalog/captured_table.h"
#include "decode/form_plan.h"
#include "pg/planted_bug.h"
#include "pg/table.h"
#include "pg/transaction.h"

namespace sequin {

static HTAB* all_plans = nullptr;  // for the invalidation callback, which cannot be unregistered
static bool emptying = false;      // the caches forget, and nothing has changed

// Plans of partitions and children depend on the tables above, too: on their names and on who may
// read them.
static void InvalidateOne(Datum, Oid relid) {
  if (all_plans == nullptr || emptying) return;
  HASH_SEQ_STATUS scan;
  hash_seq_init(&scan, all_plans);
  while (auto* plan = static_cast<RelationPlan*>(hash_seq_search(&scan))) {
    if (!OidIsValid(relid) || plan->relid == relid || plan->IsBelow(relid)) plan->valid = false;
  }
}

// Names of schemas are part of plans; types and operators are part of compiled filters.
static void InvalidateAll(Datum, int, uint32) {
  InvalidateOne(0, InvalidOid);
}

// An ERROR in between ends the worker.
void EmptyCachesButPlans() {
  emptying = true;
  InvalidateSystemCaches();
  emptying = false;
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
  // What an owner may read depends on the roles it is a member of, and on being a superuser.
  CacheRegisterSyscacheCallback(AUTHOID, InvalidateAll, 0);
  CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, InvalidateAll, 0);
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
  bool stale = Planted("stale_plan") && PlantedShape(plan->descriptor, RelationGetDescr(relation));
  if ((!plan->valid && !stale) || plan->routing_generation != routing_->generation())
    Build(plan, relation);
  return plan;
}

// ---- who listens --------------------------------------------------------------------------------

struct TableName {
  const char* schema;
  const char* table;
};

static TableName NameOf(Oid relation) {
  return {get_namespace_name(get_rel_namespace(relation)), get_rel_name(relation)};
}

// In the order of plan->routes.
struct RelationPlans::Listeners {
  TableName own;     // or that of the partition root
  TableName* above;  // tables it inherits from
  RouteRequest* requests;
};

static bool Named(const Definition* definition, const TableName& name) {
  std::span<const char* const> patterns(definition->tables.items,
                                        static_cast<size_t>(definition->tables.count));
  return name.schema != nullptr && name.table != nullptr &&
         TableMatches(patterns, name.schema, name.table);
}

// The option for the table or, for children, that of the nearest table it inherits from.
static const TableOption* OptionOf(const Definition* definition, const TableName& own,
                                   const TableName* above, int above_count) {
  const TableOption* option = definition->options.Find(own.schema, own.table);
  for (int i = 0; option == nullptr && i < above_count; i++) {
    if (above[i].schema == nullptr || above[i].table == nullptr) continue;
    option = definition->options.Find(above[i].schema, above[i].table);
  }
  return option;
}

void RelationPlans::AddListener(RelationPlan* plan, const Definition* definition,
                                Listeners* listeners) {
  int inherited = definition->include_children && !plan->IsPartition() ? plan->above_count : 0;
  bool named = Named(definition, listeners->own);
  for (int i = 0; !named && i < inherited; i++) named = Named(definition, listeners->above[i]);
  // A consumer captures as its owner.
  if (!named || !OwnerMayCapture(plan->root.relation, definition->owner)) return;

  RouteRequest& request = listeners->requests[plan->route_count];
  const TableOption* option = OptionOf(definition, listeners->own, listeners->above, inherited);
  request.definition = definition;
  request.choice = ChoiceOf(definition->choice, option);
  request.own_group = option != nullptr && (option->given & kOptionGroup) != 0;
  request.rights_table = plan->root.relation;
  bool by_own_name = plan->IsPartition() && definition->partition_name == PartitionName::kOwn;
  Face& face = by_own_name ? plan->own : plan->root;
  if (face.name_id == 0) {
    TableName name = NameOf(face.relation);
    face.name_id = NameId(face.relation, name.schema, name.table);
  }
  RoutePlan& route = plan->routes[plan->route_count++];
  route = RoutePlan{};
  route.consumer = definition->consumer;
  route.definition = definition;
  route.face = &face;
  route.actions = route.publishes = definition->actions;
  // An update may be an insert or a delete to it.
  bool turns = definition->transition == Transition::kInsertDelete &&
               request.choice.filter != nullptr && (route.actions & (kInsert | kDelete)) != 0;
  if (turns) route.actions |= kUpdate;
  plan->actions |= route.actions;
}

void RelationPlans::PlanListeners(RelationPlan* plan, Relation relation, Listeners* listeners) {
  Oid relid = plan->relid;
  List* above = NIL;
  plan->root.relation = plan->own.relation = relid;
  if (relation->rd_rel->relispartition) {
    above = get_partition_ancestors(relid);
    if (above != NIL) plan->root.relation = llast_oid(above);
  } else if (relation->rd_rel->relkind == RELKIND_RELATION) {
    above = InheritanceAncestors(relid);
  }
  auto count = static_cast<size_t>(list_length(above));
  Oid* oids = NewArray<Oid>(plan->context, count);
  listeners->above = NewArray<TableName>(plan->context, count);
  // Known to invalidations before anything is looked up by it.
  for (size_t i = 0; i < count; i++) oids[i] = list_nth_oid(above, static_cast<int>(i));
  plan->above = oids;
  plan->above_count = static_cast<int>(count);
  for (size_t i = 0; i < count; i++) listeners->above[i] = NameOf(oids[i]);
  listeners->own = NameOf(plan->root.relation);
  if (listeners->own.schema == nullptr || listeners->own.table == nullptr) return;
  size_t most = routing_->definitions().count;
  plan->routes = NewArray<RoutePlan>(plan->context, most);
  listeners->requests = NewArray<RouteRequest>(plan->context, most);
  for (const Definition* definition : routing_->definitions()) {
    AddListener(plan, definition, listeners);
  }
}

// ---- building -----------------------------------------------------------------------------------

void RelationPlans::PlanRoutes(RelationPlan* plan, Relation relation, const Listeners& listeners) {
  PlanColumns(plan, relation);
  PlanKey(plan, relation);
  // One for those that match and one for candidates.
  plan->forms = NewArray<FormPlan>(plan->context, 2 * static_cast<size_t>(plan->route_count));
  for (int i = 0; i < plan->route_count; i++) {
    PlanRoute(plan, relation, listeners.requests[i], &plan->routes[i]);
  }
}

void RelationPlans::Build(RelationPlan* plan, Relation relation) {
  Oid relid = plan->relid;
  MemoryContext old = plan->context;
  *plan = RelationPlan{};
  plan->relid = relid;
  if (old) MemoryContextDelete(old);
  plan->context = NewContext(context_, "sequin relation plan");
  plan->routing_generation = routing_->generation();
  // Invalidations that arrive while we look at the catalogs must not be lost.
  plan->valid = true;
  InContext(plan->context, [&] {
    plan->replica_identity = relation->rd_rel->relreplident;
    plan->has_rows = relation->rd_rel->relkind == RELKIND_RELATION;
    plan->descriptor = CreateTupleDescCopyConstr(RelationGetDescr(relation));
    if (Planted("missing_default")) {
      plan->descriptor = CreateTupleDescCopy(RelationGetDescr(relation));
    }
    if (get_rel_namespace(relid) == OwnSchema(true)) {
      plan->own_consumer_table = strcmp(RelationGetRelationName(relation), "consumer") == 0;
      plan->own_feed_table = strcmp(RelationGetRelationName(relation), "feed_chunk") == 0;
      return;
    }
    if (IsCatalogNamespace(get_rel_namespace(relid)) || relid < FirstNormalObjectId) return;
    // Materialized views are in the WAL like tables.
    if (!plan->has_rows && relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE) return;
    Listeners listeners{};
    PlanListeners(plan, relation, &listeners);
    if (plan->route_count == 0) return;
    // A type whose functions cannot be called any more must not stop capture of other tables.
    ErrorData* error = InSubtransaction([&] { PlanRoutes(plan, relation, listeners); });
    if (error == nullptr) return;
    if (MayPass(error)) ReThrowError(error);
    plan->error = error->message;
  });
}

}  // namespace sequin
