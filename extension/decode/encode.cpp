// From a decoded change to a record of the batch (encode.h).
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "decode/encode.h"

#include "change/entry_codec.h"
#include "decode/match.h"
#include "decode/record_writer.h"
#include "decode/row.h"
#include "pg/crash_point.h"
#include "pg/planted_bug.h"

namespace sequin {

// A consumer that takes the change, and the row it is to find it in.
struct Taker {
  int32 row;    // or one of TakerState
  bool latest;  // it wants to know which message of a key is the newest
  Target target;
};

enum TakerState : int32 { kBeingWritten = -1, kWritten = -2 };

// Buffers that are used again for every change; the texts have room for a varlena header in front.
struct Encoder {
  MemoryContext context;  // reset after every change
  MemoryContext kept;
  RowBuffers rows;
  StringInfoData old_key, form_key, group, old_group;
  Vec<RouteMatch> matches;
  Vec<Taker> takers;
};
static Encoder* encoder = nullptr;
static RecordWriter* out = nullptr;

static Encoder* TheEncoder() {
  if (encoder != nullptr) return encoder;
  MemoryContext kept = NewContext(TopMemoryContext, "sequin encoder");
  encoder = New<Encoder>(kept);
  encoder->kept = kept;
  encoder->context = NewContext(kept, "sequin change");
  InContext(kept, [] {
    for (StringInfo text :
         {&encoder->old_key, &encoder->form_key, &encoder->group, &encoder->old_group}) {
      initStringInfo(text);
    }
  });
  encoder->matches.context = encoder->takers.context = kept;
  out = TheRecord();
  return encoder;
}

MemoryContext EncodeContext() {
  return TheEncoder()->context;
}

// XXH3 (xxHash 0.8, 64 bits), seeded with the table: stable over versions and platforms.
uint64 GroupHash(Oid relation, std::string_view key) {
  return XXH3_64bits_withSeed(key.data(), key.size(), relation);
}

// What a filter has still to decide about supersedes nothing. A key that was changed is the newest
// word on both.
static void AddLatest(const Target& target) {
  if (target.flags & (kBarrier | kCandidate)) return;
  bool moved = (target.flags & kSecondGroup) != 0;
  out->AddState(kLatestOfConsumer, target.consumer, target.relation,
                moved ? target.second_group : target.group, 0, Text(out->key));
  if (!moved) return;
  out->AddState(kLatestOfConsumer, target.consumer, target.relation, target.group, 0,
                Text(encoder->old_key));
}

static void BeginChange() {
  TheEncoder();
  BeginText(&out->key);
  BeginText(&encoder->old_key);
  encoder->takers.clear();
}

// The targets of one row. What is gathered is written before the next row is.
static void GatherTakers(int32 row) {
  for (Taker& taker : encoder->takers) {
    if (taker.row == kBeingWritten) taker.row = kWritten;
    if (taker.row != row) continue;
    taker.row = kBeingWritten;
    out->targets.push(taker.target);
    if (taker.latest) AddLatest(taker.target);
  }
}

// ---- groups -------------------------------------------------------------------------------------

struct KeyChange {
  std::string_view key;      // of the row that is left (delete: that was there)
  std::string_view old_key;  // differs from key: the change moves from one group to another
  bool known;                // false: no group can be told; everything waits (a barrier)
};

static void SetGroups(Target* target, Oid relation, const KeyChange& key) {
  target->relation = relation;
  target->group = GroupHash(relation, key.key);
  if (!key.known) {
    target->flags |= kBarrier;
  } else if (key.old_key.data() != nullptr && key.old_key != key.key) {
    target->flags |= kSecondGroup;
    target->second_group = target->group;
    target->group = GroupHash(relation, key.old_key);
    if (target->group == target->second_group) target->flags &= ~static_cast<uint32>(kSecondGroup);
  }
}

// The key of the change by these columns, written to `text` (new) and `old_text`. `logged`: the
// WAL carries their old values; where it has no old row they have not changed.
static KeyChange KeyOf(const RelationPlan* plan, std::span<const int> columns, bool logged,
                       ActionMask action, StringInfo text, StringInfo old_text) {
  const Row& before = encoder->rows.before;
  const Row& main = action == kDelete ? before : encoder->rows.after;
  int count = static_cast<int>(columns.size());
  KeyChange key{};
  key.known = HasValues(plan, main, columns.data(), count) && (action != kDelete || logged);
  if (!key.known) return key;
  AppendKey(text, plan, main, columns.data(), count);
  key.key = Text(*text);
  if (action == kUpdate && logged && before.exists) {
    AppendKey(old_text, plan, before, columns.data(), count);
    key.old_key = Text(*old_text);
  }
  return key;
}

static KeyChange KeyOfRow(const RelationPlan* plan, ActionMask action) {
  if (plan->key_count == 0) return KeyChange{};
  return KeyOf(plan, {plan->key, static_cast<size_t>(plan->key_count)}, plan->key_in_identity,
               action, &out->key, &encoder->old_key);
}

// Where the old group of an update is not logged, the row may have come from any.
static KeyChange GroupOfRow(const RelationPlan* plan, const RoutePlan& route, ActionMask action) {
  BeginText(&encoder->group);
  BeginText(&encoder->old_group);
  KeyChange key = KeyOf(plan, {route.group_columns, static_cast<size_t>(route.group_column_count)},
                        route.group_in_identity, action, &encoder->group, &encoder->old_group);
  if (action == kUpdate && !route.group_in_identity) key.known = false;
  return key;
}

// ---- takers -------------------------------------------------------------------------------------

// Rows of one change by number: each form can be written as what the change is, or as the insert or
// delete that an update is to some.
enum class Variant : int32 { kAsIs, kInsert, kDelete, kCount };

static int32 RowNumber(int form, ActionMask action, ActionMask as) {
  Variant variant = as == action    ? Variant::kAsIs
                    : as == kInsert ? Variant::kInsert
                                    : Variant::kDelete;
  return form * static_cast<int32>(Variant::kCount) + static_cast<int32>(variant);
}

static int FormOfRow(int32 row) {
  return row / static_cast<int32>(Variant::kCount);
}

static ActionMask ActionOfRow(int32 row, ActionMask action) {
  switch (static_cast<Variant>(row % static_cast<int32>(Variant::kCount))) {
    case Variant::kInsert:
      return kInsert;
    case Variant::kDelete:
      return kDelete;
    default:
      return action;
  }
}

static void AddTakers(const RelationPlan* plan, const TransactionPlace& place, int64 idx,
                      ActionMask action) {
  KeyChange key = KeyOfRow(plan, action);
  // Most routes go by the key under one name: their groups are computed once.
  const Face* by_key_of = nullptr;
  Target by_key{};
  for (const RouteMatch& match : encoder->matches) {
    const RoutePlan& route = plan->routes[match.route];
    Oid relation = route.face->relation;
    Taker taker{};
    taker.row =
        RowNumber(match.candidate ? route.candidate_form : route.form, action, match.action);
    Target& target = taker.target;
    if (route.group_by == GroupBy::kKey) {
      if (by_key_of != route.face) {
        by_key_of = route.face;
        by_key = Target{};
        SetGroups(&by_key, relation, key);
      }
      target = by_key;
      taker.latest = route.latest;
    } else if (route.group_by == GroupBy::kEach) {
      uint64 own[2] = {place.commit_lsn, static_cast<uint64>(idx)};
      target.relation = relation;
      target.group = XXH3_64bits_withSeed(own, sizeof(own), relation);
    } else {
      SetGroups(&target, relation, GroupOfRow(plan, route, action));
    }
    target.consumer = route.consumer;
    if (match.candidate) target.flags |= kCandidate;
    encoder->takers.push(taker);
  }
}

// ---- changes ------------------------------------------------------------------------------------

static char ActionLetter(ActionMask action) {
  switch (action) {
    case kInsert:
      return 'i';
    case kUpdate:
      return 'u';
    case kDelete:
      return 'd';
    case kRead:
      return 'r';
    default:
      return 't';
  }
}

static void AppendMeta(const TransactionPlace& place, const FormPlan& form, ActionMask action) {
  StringInfo meta = &out->meta;
  if (!place.annotations.empty()) AppendText(meta, place.annotations);
  if (action == kUpdate && form.shows_key && encoder->old_key.len > VARHDRSZ &&
      Text(encoder->old_key) != Text(out->key) && !Planted("old_key_lost")) {
    appendStringInfoString(meta, ",\"old_record_pks\":");
    AppendText(meta, Text(encoder->old_key));
  }
  AppendNotes(meta, out->notes);
  AppendText(meta, place.more_meta);
}

static bool GroupIsTold(const FormPlan& form, const Row& main, ActionMask as) {
  for (int i = 0; i < form.group_column_count; i++) {
    if (form.group_columns[i] < 0) continue;
    const ColumnPlan& column = form.group_values[i];
    if (main.absent[column.number - 1] || (as == kDelete && !column.in_identity)) return false;
  }
  return main.exists;
}

// The key column of the row: the key of the record and, on a line of its own, the group's name.
static StringInfo FormKey(const FormPlan& form, const Row& main, ActionMask action, ActionMask as) {
  bool taken_away = as == kDelete && action == kUpdate && encoder->old_key.len > VARHDRSZ;
  StringInfo key = taken_away ? &encoder->old_key : &out->key;
  if (form.shows_key && !form.shows_group) return key;
  StringInfo own = &encoder->form_key;
  BeginText(own);
  if (form.shows_key) AppendText(own, Text(*key));
  if (form.shows_group && GroupIsTold(form, main, as)) {
    appendStringInfoChar(own, '\n');
    AppendGroup(own, form, main);
  }
  return own;
}

// One row of the change, with those who take it.
static void EncodeRow(Decoder* decoder, const RelationPlan* plan, const TransactionPlace& place,
                      int64 idx, ActionMask action, int32 row) {
  const FormPlan& form = plan->forms[FormOfRow(row)];
  const RowBuffers& rows = encoder->rows;
  ActionMask as = ActionOfRow(row, action);
  out->Begin();
  GatherTakers(row);
  // Without an old row in the WAL the columns of the identity are those of the new one.
  bool from_before = as == kDelete && (action == kDelete || rows.before.exists);
  const Row& main = from_before ? rows.before : rows.after;
  if (main.exists) {
    AppendRecord(&out->record, plan, form, main, as == kDelete, kRowBytesMax, &out->notes);
  } else {
    appendStringInfoString(&out->record, "{}");
  }
  CrashOnText(Text(out->record));
  if (as == kUpdate) {
    size_t used = Min(static_cast<size_t>(out->record.len), kRowBytesMax);
    AppendChanges(&out->changes, plan, form, rows.before, rows.after, kRowBytesMax - used,
                  &out->notes);
  }
  AppendMeta(place, form, as);
  out->Write(decoder, place, {idx, ActionLetter(as), form.face->name_id, row},
             FormKey(form, main, action, as));
}

void EncodeChange(Decoder* decoder, RelationPlan* plan, const TransactionPlace& place, int64 idx,
                  ActionMask action, HeapTuple before, HeapTuple after) {
  BeginChange();
  RowBuffers& rows = encoder->rows;
  ReserveRows(&rows, plan->descriptor->natts, encoder->kept);
  LoadRow(&rows.before, plan, before);
  LoadRow(&rows.after, plan, after);
  // What was read from the table and not from the WAL can be fetched from where it is stored.
  if (action == kRead) memset(rows.after.absent, 0, static_cast<size_t>(plan->descriptor->natts));
  FillUnchanged(plan, &rows.after, rows.before);
  if (!MatchRoutes(plan, action, before, after, rows, &encoder->matches)) return;
  AddTakers(plan, place, idx, action);
  for (size_t i = 0; i < encoder->takers.count; i++) {
    if (encoder->takers[i].row < 0) continue;
    EncodeRow(decoder, plan, place, idx, action, encoder->takers[i].row);
  }
  encoder->takers.clear();
}

static void AppendTableMeta(StringInfo meta, const char* member, Oid relation) {
  appendStringInfo(meta, ",\"%s\":{\"table_schema\":", member);
  AppendJsonName(meta, get_namespace_name(get_rel_namespace(relation)));
  appendStringInfoString(meta, ",\"table_name\":");
  AppendJsonName(meta, get_rel_name(relation));
  appendStringInfoChar(meta, '}');
}

static void AddTruncateTargets(const RelationPlan* plan, const Face* face) {
  for (int i = 0; i < plan->route_count; i++) {
    const RoutePlan& route = plan->routes[i];
    if ((route.publishes & kTruncate) == 0 || route.face != face) continue;
    // Who wants partitions under their own names has no rows of the root.
    if (!plan->has_rows && route.definition->partition_name == PartitionName::kOwn) continue;
    Target target{};
    target.consumer = route.consumer;
    target.flags = kBarrier;
    target.relation = face->relation;
    target.group = GroupHash(face->relation, "");
    out->targets.push(target);
  }
}

// Under the name of the root a truncated partition is a truncation of a part, unless the root or a
// partition above is in the same statement. Under its own name it is one in any case.
void EncodeTruncate(Decoder* decoder, const RelationPlan* plan, const TransactionPlace& place,
                    int64 idx, const Truncation& truncation) {
  for (const Face* face : {&plan->root, &plan->own}) {
    bool root = face == &plan->root;
    if (root && plan->IsPartition() && truncation.with_root) continue;
    BeginChange();
    out->Begin();
    AddTruncateTargets(plan, face);
    if (out->targets.empty()) continue;
    appendStringInfoString(&out->record, "null");
    StringInfo meta = &out->meta;
    AppendText(meta, place.annotations);
    if (truncation.cascade) appendStringInfoString(meta, ",\"cascade\":true");
    if (truncation.restart_identity) appendStringInfoString(meta, ",\"restart_identity\":true");
    if (root && plan->IsPartition()) AppendTableMeta(meta, "truncated_partition", plan->relid);
    out->Write(decoder, place, {idx, 't', face->name_id, root ? 0 : 1}, &out->key);
  }
}

// ---- failures -----------------------------------------------------------------------------------

// Rows of changes that could not be encoded are beside the forms.
static constexpr int kFailedForm = -1;

// Whether the consumer's row was written before another one failed.
static bool HasRow(int32 consumer) {
  for (const Taker& taker : encoder->takers) {
    if (taker.target.consumer == consumer && taker.row == kWritten) return true;
  }
  return false;
}

void EncodeFailure(Decoder* decoder, const RelationPlan* plan, const TransactionPlace& place,
                   int64 idx, ActionMask action, const char* error) {
  TheEncoder();
  for (const Face* face : {&plan->root, &plan->own}) {
    BeginText(&out->key);
    out->Begin();
    for (int i = 0; i < plan->route_count; i++) {
      const RoutePlan& route = plan->routes[i];
      if ((route.actions & action) == 0 || route.face != face || HasRow(route.consumer)) continue;
      out->AddLetter(route.consumer, error);
    }
    if (out->letters.empty()) continue;
    appendStringInfoString(&out->record, "null");
    AppendText(&out->meta, place.annotations);
    int form = face == &plan->root ? kFailedForm : kFailedForm - 1;
    out->Write(decoder, place, {idx, ActionLetter(action), face->name_id, form}, &out->key);
  }
  encoder->takers.clear();
}

}  // namespace sequin
