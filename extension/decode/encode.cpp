// From a decoded change to a record of the batch (encode.h).
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "decode/encode.h"

#include "capture/settings.h"
#include "change/column_json.h"
#include "change/entry_codec.h"
#include "change/json_escape.h"
#include "change/value_text.h"
#include "decode/match.h"
#include "decode/row.h"
#include "log/reader.h"
#include "pg/crash_point.h"
#include "pg/planted_bug.h"
#include "stream/key_pattern.h"
#include "stream/stream_names.h"

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
  StringInfoData key, old_key, form_key, record, changes, meta, group, old_group;
  RowNotes notes;
  Vec<RouteMatch> matches;
  Vec<Taker> takers;
  Vec<Target> targets;  // of the row being written
  Vec<char> letters;
  StringInfoData states;  // StateRow…
};
static Encoder* encoder = nullptr;

static Encoder* TheEncoder() {
  if (encoder != nullptr) return encoder;
  MemoryContext kept = NewContext(TopMemoryContext, "sequin encoder");
  encoder = New<Encoder>(kept);
  encoder->kept = kept;
  encoder->context = NewContext(kept, "sequin change");
  InContext(kept, [] {
    for (StringInfo text :
         {&encoder->key, &encoder->old_key, &encoder->form_key, &encoder->record, &encoder->changes,
          &encoder->meta, &encoder->group, &encoder->old_group}) {
      initStringInfo(text);
    }
    initStringInfo(&encoder->states);
    InitNotes(&encoder->notes);
  });
  encoder->targets.context = encoder->letters.context = kept;
  encoder->matches.context = encoder->takers.context = kept;
  return encoder;
}

MemoryContext EncodeContext() {
  return TheEncoder()->context;
}

static constexpr int kTextBufferKeepBytes = 1024 * 1024;

// Empties a text and leaves room for its varlena header. One huge value must not keep its buffer.
static void BeginText(StringInfo text) {
  if (text->maxlen > kTextBufferKeepBytes) {
    pfree(text->data);
    InContext(encoder->kept, [&] { initStringInfo(text); });
  }
  text->len = VARHDRSZ;
  text->data[VARHDRSZ] = '\0';
}

static std::string_view Text(const StringInfoData& text) {
  return {text.data + VARHDRSZ, static_cast<size_t>(text.len - VARHDRSZ)};
}

static Datum TextValue(StringInfo text) {
  SET_VARSIZE(text->data, text->len);
  return PointerGetDatum(text->data);
}

// XXH3 (xxHash 0.8, 64 bits), seeded with the table: stable over versions and platforms.
uint64 GroupHash(Oid relation, std::string_view key) {
  return XXH3_64bits_withSeed(key.data(), key.size(), relation);
}

// Left for keys and metadata in a message whose other columns take all they can.
static constexpr size_t kMetaBytesMax = 16 * 1024 * 1024;
static constexpr size_t kRowBytesMax = kMessageBytesMax - kMetaBytesMax;

static void RequireMessageSize(StringInfo key) {
  size_t size = 0;
  for (StringInfo text : {key, &encoder->record, &encoder->changes, &encoder->meta}) {
    size += static_cast<size_t>(text->len);
  }
  if (size <= kMessageBytesMax) return;
  ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
          errmsg("the message would have %zu MB, more than the limit of %zu MB", size >> 20,
                 (kMessageBytesMax + 1) >> 20),
          errhint("Lower sequin.max_value_size."));
}

// ---- the log tuple
// -------------------------------------------------------------------------------

struct RecordHead {
  int64 idx;
  char action;
  int32 relation;  // sequin.relation.id; 0: none
  int form;
};

// Writes the row of encoder->record, changes and meta with encoder->targets and letters.
static void AddRecord(Decoder* decoder, const TransactionPlace& place, const RecordHead& head,
                      StringInfo key) {
  RequireMessageSize(key);
  Datum values[kLogColumns];
  bool nulls[kLogColumns] = {};
  values[kLogSeq] = Int64GetDatum(0);
  values[kLogCommitLsn] = LSNGetDatum(place.commit_lsn);
  values[kLogCommitTime] = TimestampTzGetDatum(place.commit_time);
  values[kLogCommitIdx] = Int64GetDatum(head.idx);
  values[kLogXid] = TransactionIdGetDatum(place.xid);
  values[kLogRelation] = Int32GetDatum(head.relation);
  values[kLogForm] = Int16GetDatum(static_cast<int16>(head.form));
  values[kLogAction] = CharGetDatum(head.action);
  values[kLogKey] = TextValue(key);
  values[kLogRecord] = TextValue(&encoder->record);
  values[kLogChanges] = TextValue(&encoder->changes);
  values[kLogMeta] = TextValue(&encoder->meta);

  TupleDesc descriptor = decoder->log_descriptor;
  Size data_bytes = heap_compute_data_size(descriptor, values, nulls);
  size_t tuple_bytes = kLogSeqOffset + data_bytes;
  size_t target_bytes = sizeof(Target) * encoder->targets.count;
  size_t tuple_at = MAXALIGN(sizeof(ChangeRecord));
  size_t targets_at = tuple_at + MAXALIGN(tuple_bytes);
  size_t letters_at = targets_at + MAXALIGN(target_bytes);
  size_t states_at = letters_at + MAXALIGN(encoder->letters.count);
  auto state_bytes = static_cast<size_t>(encoder->states.len);

  ChangeRecord* record = decoder->batch.AddRecord(states_at + state_bytes);
  record->tuple_bytes = static_cast<uint32>(tuple_bytes);
  record->target_count = static_cast<uint32>(encoder->targets.count);
  record->letter_bytes = static_cast<uint32>(encoder->letters.count);
  record->state_bytes = static_cast<uint32>(state_bytes);
  record->commit_idx = head.idx;

  char* base = reinterpret_cast<char*>(record);
  auto* header = reinterpret_cast<HeapTupleHeader>(base + tuple_at);
  memset(base + tuple_at, 0, tuple_bytes);  // heap_fill_tuple expects zeroed padding
  header->t_hoff = kLogSeqOffset;
  HeapTupleHeaderSetNatts(header, kLogColumns);
  heap_fill_tuple(descriptor, values, nulls, base + tuple_at + kLogSeqOffset, data_bytes,
                  &header->t_infomask, nullptr);
  memcpy(base + targets_at, encoder->targets.data, target_bytes);
  memcpy(base + letters_at, encoder->letters.data, encoder->letters.count);
  memcpy(base + states_at, encoder->states.data, state_bytes);
}

static void AddState(StateKind kind, int32 owner, Oid relation, uint64 hash, size_t bytes,
                     std::string_view key) {
  StringInfo states = &encoder->states;
  StateRow row{};
  row.hash = hash;
  row.owner = owner;
  row.kind = kind;
  row.relation = relation;
  row.bytes = static_cast<uint32>(bytes);
  row.key_bytes = static_cast<uint32>(key.size());
  appendBinaryStringInfo(states, reinterpret_cast<const char*>(&row), sizeof(row));
  appendBinaryStringInfo(states, key.data(), static_cast<int>(key.size()));
  appendStringInfoSpaces(states, static_cast<int>(MAXALIGN(states->len)) - states->len);
}

// What a filter has still to decide about supersedes nothing. A key that was changed is the newest
// word on both.
static void AddLatest(const Target& target) {
  if (target.flags & (kBarrier | kCandidate)) return;
  bool moved = (target.flags & kSecondGroup) != 0;
  AddState(kLatestOfConsumer, target.consumer, target.relation,
           moved ? target.second_group : target.group, 0, Text(encoder->key));
  if (!moved) return;
  AddState(kLatestOfConsumer, target.consumer, target.relation, target.group, 0,
           Text(encoder->old_key));
}

static void AddLetter(int32 consumer, const char* error) {
  size_t size = strlen(error);
  Letter letter{consumer, static_cast<uint32>(size)};
  auto* bytes = reinterpret_cast<const char*>(&letter);
  for (size_t i = 0; i < sizeof(letter); i++) encoder->letters.push(bytes[i]);
  for (size_t i = 0; i < size; i++) encoder->letters.push(error[i]);
}

static void BeginChange() {
  TheEncoder();
  BeginText(&encoder->key);
  BeginText(&encoder->old_key);
  encoder->takers.clear();
}

static void BeginRecord() {
  for (StringInfo text : {&encoder->record, &encoder->changes, &encoder->meta}) BeginText(text);
  ClearNotes(&encoder->notes);
  encoder->targets.clear();
  encoder->letters.clear();
  resetStringInfo(&encoder->states);
}

// The targets of one row. What is gathered is written before the next row is.
static void GatherTakers(int32 row) {
  for (Taker& taker : encoder->takers) {
    if (taker.row == kBeingWritten) taker.row = kWritten;
    if (taker.row != row) continue;
    taker.row = kBeingWritten;
    encoder->targets.push(taker.target);
    if (taker.latest) AddLatest(taker.target);
  }
}

// ---- groups
// ----------------------------------------------------------------------------------------

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
               action, &encoder->key, &encoder->old_key);
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

// ---- takers
// ----------------------------------------------------------------------------------------

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
  for (int i = 0; i < plan->route_count; i++) {
    const RouteMatch& match = encoder->matches[static_cast<size_t>(i)];
    if (match.action == 0) continue;
    const RoutePlan& route = plan->routes[i];
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

// ---- changes
// ---------------------------------------------------------------------------------------

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

static void AppendText(StringInfo out, std::string_view text) {
  appendBinaryStringInfo(out, text.data(), static_cast<int>(text.size()));
}

static void AppendMeta(const TransactionPlace& place, const FormPlan& form, ActionMask action) {
  StringInfo meta = &encoder->meta;
  if (!place.annotations.empty()) AppendText(meta, place.annotations);
  if (action == kUpdate && form.shows_key && encoder->old_key.len > VARHDRSZ &&
      Text(encoder->old_key) != Text(encoder->key) && !Planted("old_key_lost")) {
    appendStringInfoString(meta, ",\"old_record_pks\":");
    AppendText(meta, Text(encoder->old_key));
  }
  AppendNotes(meta, encoder->notes);
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
  StringInfo key = taken_away ? &encoder->old_key : &encoder->key;
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
  BeginRecord();
  GatherTakers(row);
  // Without an old row in the WAL the columns of the identity are those of the new one.
  bool from_before = as == kDelete && (action == kDelete || rows.before.exists);
  const Row& main = from_before ? rows.before : rows.after;
  if (main.exists) {
    AppendRecord(&encoder->record, plan, form, main, as == kDelete, kRowBytesMax, &encoder->notes);
  } else {
    appendStringInfoString(&encoder->record, "{}");
  }
  CrashOnText(Text(encoder->record));
  if (as == kUpdate) {
    size_t used = Min(static_cast<size_t>(encoder->record.len), kRowBytesMax);
    AppendChanges(&encoder->changes, plan, form, rows.before, rows.after, kRowBytesMax - used,
                  &encoder->notes);
  }
  AppendMeta(place, form, as);
  AddRecord(decoder, place, {idx, ActionLetter(as), form.face->name_id, row},
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
    encoder->targets.push(target);
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
    BeginRecord();
    AddTruncateTargets(plan, face);
    if (encoder->targets.empty()) continue;
    appendStringInfoString(&encoder->record, "null");
    StringInfo meta = &encoder->meta;
    AppendText(meta, place.annotations);
    if (truncation.cascade) appendStringInfoString(meta, ",\"cascade\":true");
    if (truncation.restart_identity) appendStringInfoString(meta, ",\"restart_identity\":true");
    if (root && plan->IsPartition()) AppendTableMeta(meta, "truncated_partition", plan->relid);
    AddRecord(decoder, place, {idx, 't', face->name_id, root ? 0 : 1}, &encoder->key);
  }
}

// ---- messages
// --------------------------------------------------------------------------------------

static constexpr char kBase64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// RFC 4648.
static void AppendBase64(StringInfo out, std::string_view in) {
  enlargeStringInfo(out, static_cast<int>(in.size() / 3 * 4 + 5));
  for (size_t i = 0; i < in.size(); i += 3) {
    size_t left = in.size() - i;
    auto byte = [&](size_t j) {
      return j < left ? static_cast<uint32>(static_cast<unsigned char>(in[i + j])) : 0u;
    };
    uint32 bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (size_t j = 0; j < 4; j++) {
      appendStringInfoCharMacro(out, j <= left ? kBase64[bits >> (18 - 6 * j) & 63] : '=');
    }
  }
}

static void AppendMessage(std::string_view prefix, std::string_view content) {
  StringInfo record = &encoder->record;
  appendStringInfoString(record, "{\"prefix\":");
  AppendJsonName(record, prefix);
  if (content.size() > Min(MaxValueBytes(), kMessageBytesMax / kJsonEscapedBytesMax)) {
    appendStringInfoString(&encoder->meta, ",\"omitted_columns\":[\"content\"]");
  } else if (IsReadable(content)) {
    appendStringInfoString(record, ",\"content\":");
    AppendJsonString(record, content);
  } else {
    appendStringInfoString(record, ",\"content_base64\":\"");
    AppendBase64(record, content);
    appendStringInfoChar(record, '"');
  }
  appendStringInfoChar(record, '}');
}

// Visits the consumers that ask for the prefix.
template <typename Visit>
static void ForEachListener(Decoder* decoder, std::string_view prefix, Visit&& visit) {
  for (const Definition* definition : decoder->routing.definitions()) {
    if (WantsMessages(definition, prefix)) visit(definition->consumer);
  }
}

// Looks at no catalog: messages outside of transactions are decoded outside of one, too.
void EncodeMessage(Decoder* decoder, const TransactionPlace& place, int64 idx,
                   std::string_view prefix, std::string_view content) {
  BeginChange();
  BeginRecord();
  if (!pg_verifymbstr(prefix.data(), static_cast<int>(prefix.size()), true)) {
    return;  // nobody can ask for it
  }
  ForEachListener(decoder, prefix, [&](int32 consumer) {
    Target target{};
    target.consumer = consumer;
    target.group = GroupHash(InvalidOid, prefix);
    encoder->targets.push(target);
  });
  if (encoder->targets.empty()) return;
  AppendText(&encoder->meta, place.annotations);
  AppendMessage(prefix, content);
  AddRecord(decoder, place, {idx, 'm', 0, 0}, &encoder->key);
}

// ---- streams
// ----------------------------------------------------------------------------------------

template <typename Visit>
static void ForEachListener(Decoder* decoder, const PublishMessage& message, Visit&& visit) {
  for (const Definition* definition : decoder->routing.definitions()) {
    if (definition->stream == message.stream && KeyMatches(definition->key_pattern, message.key)) {
      visit(definition->consumer);
    }
  }
}

static void AppendPublish(const PublishMessage& message) {
  StringInfo record = &encoder->record;
  appendStringInfoString(record, "{\"key\":");
  AppendJsonString(record, message.key);
  appendStringInfoString(record, ",\"data\":");
  if (message.Has(kPublishJson)) {
    AppendText(record, message.data);
  } else {
    AppendJsonString(record, message.data);
  }
  appendStringInfoString(record, ",\"headers\":");
  AppendText(record, message.headers.empty() ? "{}" : message.headers);
  appendStringInfoChar(record, '}');
  if (!message.Has(kPublishDelayed)) return;
  appendStringInfoString(&encoder->meta, ",\"deliver_at\":");
  ValuePlan* time = PlanValue(TIMESTAMPTZOID, NumberFormat::kStandard, CurrentMemoryContext);
  AppendValue(&encoder->meta, time, TimestampTzGetDatum(message.deliver_at));
}

void EncodePublish(Decoder* decoder, const PublishMessage& message, const TransactionPlace& place,
                   int64 idx) {
  BeginChange();
  BeginRecord();
  Target target{};
  target.group = StreamGroupHash(message.stream, message.key);
  ForEachListener(decoder, message, [&](int32 consumer) {
    target.consumer = consumer;
    encoder->targets.push(target);
  });
  appendStringInfoChar(&encoder->key, '[');
  AppendJsonString(&encoder->key, message.key);
  appendStringInfoChar(&encoder->key, ']');
  AppendText(&encoder->meta, place.annotations);
  AppendPublish(message);
  CrashOnText(Text(encoder->record));
  AddState(message.Has(kPublishCompact) ? kStreamMessageAlone : kStreamMessage, message.stream,
           InvalidOid, target.group,
           message.key.size() + message.data.size() + message.headers.size(), message.key);
  AddRecord(decoder, place, {idx, 'p', StreamRelationId(message.stream), 0}, &encoder->key);
}

// ---- copies
// ----------------------------------------------------------------------------------------

void EncodeCopy(Decoder* decoder, const TransactionPlace& place, int64 idx, const LogRow& row,
                const Target& target) {
  BeginChange();
  BeginRecord();
  AppendText(&encoder->key, row.key);
  if (!row.group.empty()) {
    appendStringInfoChar(&encoder->key, '\n');
    AppendText(&encoder->key, row.group);
  }
  AppendText(&encoder->record, row.record);
  AppendText(&encoder->changes, row.changes);
  AppendText(&encoder->meta, row.meta);
  AppendText(&encoder->meta, place.more_meta);
  encoder->targets.push(target);
  AddRecord(decoder, place, {idx, row.action, row.relation, row.form}, &encoder->key);
}

// ---- failures
// --------------------------------------------------------------------------------------

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
    BeginText(&encoder->key);
    BeginRecord();
    for (int i = 0; i < plan->route_count; i++) {
      const RoutePlan& route = plan->routes[i];
      if ((route.actions & action) == 0 || route.face != face || HasRow(route.consumer)) continue;
      AddLetter(route.consumer, error);
    }
    if (encoder->letters.empty()) continue;
    appendStringInfoString(&encoder->record, "null");
    AppendText(&encoder->meta, place.annotations);
    int form = face == &plan->root ? kFailedForm : kFailedForm - 1;
    AddRecord(decoder, place, {idx, ActionLetter(action), face->name_id, form}, &encoder->key);
  }
  encoder->takers.clear();
}

void EncodeMessageFailure(Decoder* decoder, const TransactionPlace& place, int64 idx,
                          std::string_view prefix, const char* error) {
  BeginChange();
  BeginRecord();
  ForEachListener(decoder, prefix, [&](int32 consumer) { AddLetter(consumer, error); });
  if (encoder->letters.empty()) return;
  appendStringInfoString(&encoder->record, "null");
  AddRecord(decoder, place, {idx, 'm', 0, 0}, &encoder->key);
}

void EncodePublishFailure(Decoder* decoder, const PublishMessage& message,
                          const TransactionPlace& place, int64 idx, const char* error) {
  BeginChange();
  BeginRecord();
  ForEachListener(decoder, message, [&](int32 consumer) { AddLetter(consumer, error); });
  if (encoder->letters.empty()) return;
  appendStringInfoString(&encoder->record, "null");
  AddRecord(decoder, place, {idx, 'p', StreamRelationId(message.stream), 0}, &encoder->key);
}

}  // namespace sequin
