// Forms and routes of a relation plan (form_plan.h).
#include <algorithm>

#include "decode/form_plan.h"

#include "catalog/captured_table.h"
#include "filter/budget.h"
#include "pg/transaction.h"

namespace sequin {

// ---- columns and key ----------------------------------------------------------------------------

void PlanColumns(RelationPlan* plan, Relation relation) {
  // Nothing here takes a lock on the table or its indexes: under the historic snapshot they are as
  // they were, and somebody's long ALTER TABLE would hold up the changes of all tables.
  Bitmapset* identity = RelationGetIdentityKeyBitmap(relation);
  plan->columns = NewArray<ColumnPlan>(plan->context, static_cast<size_t>(plan->descriptor->natts));
  for (int i = 0; i < plan->descriptor->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(plan->descriptor, i);
    // Stored generated values are in the WAL; virtual ones (as of 18) are not.
    if (attribute->attisdropped || attribute->attgenerated == kGeneratedVirtual) continue;
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

static const char* ColumnName(const RelationPlan* plan, int index) {
  return NameStr(TupleDescAttr(plan->descriptor, plan->columns[index].number - 1)->attname);
}

static int ColumnNamed(const RelationPlan* plan, const char* name) {
  for (int i = 0; i < plan->column_count; i++) {
    if (strcmp(ColumnName(plan, i), name) == 0) return i;
  }
  return -1;
}

// A deferrable one is none to the relation cache: it cannot be a replica identity.
static Oid PrimaryKeyIndex(Relation relation) {
  Oid known = RelationGetPrimaryKeyIndex(relation);
  if (OidIsValid(known)) return known;
  ListCell* cell;
  foreach (cell, RelationGetIndexList(relation)) {
    HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));
    if (!HeapTupleIsValid(tuple)) continue;
    auto* index = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
    if (index->indisprimary && index->indisvalid) known = index->indexrelid;
    ReleaseSysCache(tuple);
  }
  return known;
}

// Primary key, unless old values of it are not in the WAL but those of a replica identity index
// are; else the replica identity index; else none.
void PlanKey(RelationPlan* plan, Relation relation) {
  Oid primary = PrimaryKeyIndex(relation);
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
    Relation index = RelationIdGetRelation(candidate);
    if (!RelationIsValid(index)) continue;
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
    RelationClose(index);
    if (plan->key_count > 0) return;
  }
}

// ---- forms --------------------------------------------------------------------------------------

// Columns that the owner may read: indexes into plan->columns. Rights to partitions are those to
// their root, which has the same columns under other numbers.
static Bitmapset* ReadableColumns(const RelationPlan* plan, Oid rights_table, Oid owner) {
  Bitmapset* readable = nullptr;
  bool all = OwnerMayReadAll(rights_table, owner);
  for (int i = 0; i < plan->column_count; i++) {
    AttrNumber number = all ? 1
                        : rights_table == plan->relid
                            ? plan->columns[i].number
                            : get_attnum(rights_table, ColumnName(plan, i));
    if (all || (number > 0 && OwnerMayRead(rights_table, number, owner))) {
      readable = bms_add_member(readable, i);
    }
  }
  return readable;
}

static bool Contains(const TextList& list, const char* name) {
  for (const char* one : list) {
    if (strcmp(one, name) == 0) return true;
  }
  return false;
}

static Bitmapset* ChosenColumns(const RelationPlan* plan, const TableChoice& choice,
                                const Bitmapset* readable) {
  Bitmapset* chosen = bms_copy(readable);
  for (int i = 0; i < plan->column_count; i++) {
    const char* name = ColumnName(plan, i);
    bool out = choice.columns.count > 0 ? !Contains(choice.columns, name)
                                        : Contains(choice.exclude_columns, name);
    if (out) chosen = bms_del_member(chosen, i);
  }
  return chosen;
}

static const ColumnPlan* WithFormat(const RelationPlan* plan, NumberFormat format, const int* from,
                                    int count) {
  auto* columns = NewArray<ColumnPlan>(plan->context, static_cast<size_t>(count));
  for (int i = 0; i < count; i++) {
    columns[i] = ColumnPlan{};
    if (from[i] < 0) continue;
    columns[i] = plan->columns[from[i]];
    if (format == NumberFormat::kStandard) continue;
    Oid type = TupleDescAttr(plan->descriptor, columns[i].number - 1)->atttypid;
    columns[i].value = PlanValue(type, format, plan->context);
  }
  return columns;
}

static bool SameForm(const FormPlan& a, const FormPlan& b) {
  return a.face == b.face && a.number_format == b.number_format && a.shows_key == b.shows_key &&
         a.shows_group == b.shows_group && a.group_column_count == b.group_column_count &&
         std::equal(a.group_columns, a.group_columns + a.group_column_count, b.group_columns) &&
         bms_equal(a.members, b.members);
}

// The number of the form like `wanted`, whose columns are not filled in yet.
static int FormLike(RelationPlan* plan, const FormPlan& wanted) {
  for (int i = 0; i < plan->form_count; i++) {
    if (SameForm(plan->forms[i], wanted)) return i;
  }
  FormPlan& form = plan->forms[plan->form_count];
  form = wanted;
  auto* members = NewArray<int>(plan->context, static_cast<size_t>(plan->column_count));
  for (int at = -1; (at = bms_next_member(form.members, at)) >= 0;) {
    members[form.column_count++] = at;
  }
  form.columns = WithFormat(plan, form.number_format, members, form.column_count);
  form.group_values =
      WithFormat(plan, form.number_format, form.group_columns, form.group_column_count);
  return plan->form_count++;
}

// ---- routes -------------------------------------------------------------------------------------

static void PlanGroup(RelationPlan* plan, const TableChoice& choice, RoutePlan* route) {
  route->group_by = plan->key_count > 0 ? GroupBy::kKey : GroupBy::kEach;
  if (!choice.custom_group) return;
  route->group_by = GroupBy::kColumns;
  route->group_in_identity = true;
  int* columns = NewArray<int>(plan->context, static_cast<size_t>(choice.group_columns.count));
  for (const char* name : choice.group_columns) {
    int column = ColumnNamed(plan, name);
    // A column that this table does not have (any more) groups nothing: the rest decides.
    if (column < 0) continue;
    columns[route->group_column_count++] = column;
    route->group_in_identity &= plan->columns[column].in_identity;
  }
  route->group_columns = columns;
}

static void PlanForms(RelationPlan* plan, const RouteRequest& request, RoutePlan* route) {
  const Definition* definition = request.definition;
  Bitmapset* readable = ReadableColumns(plan, request.rights_table, definition->owner);
  FormPlan form{};
  form.face = route->face;
  form.number_format = definition->number_format;
  form.members = ChosenColumns(plan, request.choice, readable);
  form.shows_key = true;
  for (int i = 0; i < plan->key_count; i++) {
    form.shows_key &= bms_is_member(plan->key[i], readable);
  }
  // The consumer's arguments tell the name of the group but for columns that the record lacks.
  form.shows_group =
      request.own_group || route->group_column_count < request.choice.group_columns.count;
  int* group = NewArray<int>(plan->context, static_cast<size_t>(route->group_column_count));
  for (int i = 0; i < route->group_column_count; i++) {
    int column = route->group_columns[i];
    form.shows_group |= !bms_is_member(column, form.members);
    group[i] = bms_is_member(column, readable) ? column : -1;
  }
  if (form.shows_group) {
    form.group_columns = group;
    form.group_column_count = route->group_column_count;
  }
  route->form = FormLike(plan, form);
  form.members = readable;
  route->candidate_form = route->filter_text ? FormLike(plan, form) : route->form;
}

// Folding the constants of a filter can take as long as its author likes, and plans are made anew
// whenever somebody creates a type, as every temporary table does.
static constexpr int kCompileFilterMs = 200;
static constexpr TimestampTz kSlowCompilationUs = 50 * 1000;
static constexpr int kSlowCompilationsMax = 3;

struct Reader {
  Relation relation;
  Oid rights_table;
  Oid owner;
};

static bool MayRead(AttrNumber column, void* argument) {
  auto* reader = static_cast<Reader*>(argument);
  AttrNumber number = column;
  if (reader->rights_table != RelationGetRelid(reader->relation)) {
    TupleDesc descriptor = RelationGetDescr(reader->relation);
    number =
        get_attnum(reader->rights_table, NameStr(TupleDescAttr(descriptor, column - 1)->attname));
  }
  return number > 0 && OwnerMayRead(reader->rights_table, number, reader->owner);
}

// What decoding cannot evaluate, or may not, is evaluated when the message is claimed.
static void PlanFilter(RelationPlan* plan, Relation relation, const RouteRequest& request,
                       RoutePlan* route) {
  const Definition* definition = request.definition;
  route->filter_text = request.choice.filter;
  if (route->filter_text == nullptr) return;
  route->transition = definition->transition;
  route->late = true;
  if (definition->filter_off) return;
  CompiledFilter* volatile filter = nullptr;
  TimestampTz begun = GetCurrentTimestamp();
  StartFilterBudget(kCompileFilterMs);
  ErrorData* error = InSubtransaction([&] {
    CompiledFilter* compiled =
        CompileFilter(relation, route->face->relation, route->filter_text, plan->context);
    Reader reader{relation, request.rights_table, definition->owner};
    bool all = OwnerMayReadAll(request.rights_table, definition->owner);
    if (!all && FilterLooksAt(relation, compiled, MayRead, &reader)) return;
    route->old_row_known = FilterKnowsOldRow(relation, compiled);
    route->unlogged = UnloggedActions(relation, compiled);
    filter = compiled;
  });
  StopFilterBudget();
  if (GetCurrentTimestamp() - begun > kSlowCompilationUs &&
      ++definition->slow_compilations >= kSlowCompilationsMax) {
    TurnFilterOff(definition);
  }
  if (error != nullptr || filter == nullptr) return;
  route->filter = filter;
  route->late = false;
  if (plan->filter_rows == nullptr) {
    plan->filter_rows = NewFilterRows(plan->descriptor, plan->context);
  }
}

void PlanRoute(RelationPlan* plan, Relation relation, const RouteRequest& request,
               RoutePlan* route) {
  route->latest = request.definition->latest;
  PlanGroup(plan, request.choice, route);
  PlanFilter(plan, relation, request, route);
  PlanForms(plan, request, route);
}

}  // namespace sequin
