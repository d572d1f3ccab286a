// From a decoded change to a record of the batch (encode.h).
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "decode/encode.h"

#include "change/entry_codec.h"
#include "change/value_text.h"
#include "decode/row.h"
#include "filter/budget.h"
#include "pg/crash_point.h"
#include "pg/transaction.h"

namespace sequin {

// Buffers that are used again for every change; the texts have room for a varlena header in front.
struct Encoder {
  MemoryContext context;  // reset after every change
  MemoryContext kept;
  RowBuffers rows;
  StringInfoData key, old_key, record, changes, meta, group;
  RowNotes notes;
  Vec<Target> targets;
  Vec<char> letters;
  Vec<bool> matches;
};
static Encoder* encoder = nullptr;

static Encoder* TheEncoder() {
  if (encoder != nullptr) return encoder;
  MemoryContext kept = NewContext(TopMemoryContext, "sequin encoder");
  encoder = New<Encoder>(kept);
  encoder->kept = kept;
  encoder->context = NewContext(kept, "sequin change");
  InContext(kept, [] {
    for (StringInfo text : {&encoder->key, &encoder->old_key, &encoder->record, &encoder->changes,
                            &encoder->meta, &encoder->group}) {
      initStringInfo(text);
    }
    InitNotes(&encoder->notes);
  });
  encoder->targets.context = encoder->letters.context = encoder->matches.context = kept;
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
  resetStringInfo(text);
  appendStringInfoSpaces(text, VARHDRSZ);
}

static std::string_view Text(const StringInfoData& text) {
  return {text.data + VARHDRSZ, static_cast<size_t>(text.len - VARHDRSZ)};
}

static Datum TextValue(StringInfo text) {
  SET_VARSIZE(text->data, text->len);
  return PointerGetDatum(text->data);
}

// XXH3 (xxHash 0.8, 64 bits), seeded with the table: stable over versions and platforms.
static uint64 GroupHash(Oid relation, std::string_view key) {
  return XXH3_64bits_withSeed(key.data(), key.size(), relation);
}

// Left for keys and metadata in a message whose other columns take all they can.
static constexpr size_t kMetaBytesMax = 16 * 1024 * 1024;
static constexpr size_t kRowBytesMax = kMessageBytesMax - kMetaBytesMax;

static void RequireMessageSize() {
  size_t size = 0;
  for (StringInfo text : {&encoder->key, &encoder->record, &encoder->changes, &encoder->meta}) {
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

static void AddRecord(Decoder* decoder, const RelationPlan* plan, const TransactionPlace& place,
                      int64 idx, char action) {
  RequireMessageSize();
  Datum values[kLogColumns];
  bool nulls[kLogColumns] = {};
  values[kLogSeq] = Int64GetDatum(0);
  values[kLogCommitLsn] = LSNGetDatum(place.commit_lsn);
  values[kLogCommitTime] = TimestampTzGetDatum(place.commit_time);
  values[kLogCommitIdx] = Int64GetDatum(idx);
  values[kLogXid] = TransactionIdGetDatum(place.xid);
  values[kLogRelation] = Int32GetDatum(plan->relation_id);
  values[kLogForm] = Int16GetDatum(0);
  values[kLogAction] = CharGetDatum(action);
  values[kLogKey] = TextValue(&encoder->key);
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

  ChangeRecord* record = decoder->batch.AddRecord(letters_at + encoder->letters.count);
  record->tuple_bytes = static_cast<uint32>(tuple_bytes);
  record->target_count = static_cast<uint32>(encoder->targets.count);
  record->letter_bytes = static_cast<uint32>(encoder->letters.count);
  record->commit_idx = idx;

  char* base = reinterpret_cast<char*>(record);
  auto* header = reinterpret_cast<HeapTupleHeader>(base + tuple_at);
  memset(base + tuple_at, 0, tuple_bytes);  // heap_fill_tuple expects zeroed padding
  header->t_hoff = kLogSeqOffset;
  HeapTupleHeaderSetNatts(header, kLogColumns);
  heap_fill_tuple(descriptor, values, nulls, base + tuple_at + kLogSeqOffset, data_bytes,
                  &header->t_infomask, nullptr);
  memcpy(base + targets_at, encoder->targets.data, target_bytes);
  memcpy(base + letters_at, encoder->letters.data, encoder->letters.count);
}

static void AddLetter(int32 consumer, LetterReason reason, const char* error) {
  size_t size = strlen(error);
  Letter letter{consumer, reason, static_cast<uint32>(size)};
  auto* bytes = reinterpret_cast<const char*>(&letter);
  for (size_t i = 0; i < sizeof(letter); i++) encoder->letters.push(bytes[i]);
  for (size_t i = 0; i < size; i++) encoder->letters.push(error[i]);
}

static void BeginRecord() {
  TheEncoder();
  for (StringInfo text : {&encoder->key, &encoder->old_key, &encoder->record, &encoder->changes,
                          &encoder->meta, &encoder->group}) {
    BeginText(text);
  }
  ClearNotes(&encoder->notes);
  encoder->targets.clear();
  encoder->letters.clear();
}

// ---- filters
// ---------------------------------------------------------------------------------------

// The tuple with the unchanged TOASTed values that the old one supplied. What is still missing
// stays a TOAST pointer: a filter that mentions it raises.
static HeapTuple Completed(const RelationPlan* plan, HeapTuple tuple, const Row& row) {
  if (tuple == nullptr || !HeapTupleHasExternal(tuple)) return tuple;
  return heap_form_tuple(plan->descriptor, row.values, row.nulls);
}

// Which routes take the change. An error of a filter becomes a dead letter of its consumer; the
// others are not touched by it: the loop goes on behind it in a new subtransaction.
static bool MatchRoutes(const RelationPlan* plan, ActionMask action, HeapTuple before,
                        HeapTuple after) {
  encoder->matches.clear();
  bool any = false;
  bool filters = false;
  for (int i = 0; i < plan->route_count; i++) {
    const RoutePlan& route = plan->routes[i];
    bool wants = (route.actions & action) != 0;
    if (wants && route.filter_error) AddLetter(route.consumer, kFilterError, route.filter_error);
    encoder->matches.push(wants && !route.filter_error);
    any |= wants;
    filters |= wants && route.filter != nullptr;
  }
  if (!filters) return any;
  HeapTuple full_after = Completed(plan, after, encoder->rows.after);
  // Where the WAL has no old row its identity columns are those of the new one, and no filter may
  // look at others.
  HeapTuple full_before = before == nullptr && action == kUpdate ? full_after : before;
  volatile int at = 0;
  while (at < plan->route_count) {
    StartFilterBudget();
    ErrorData* error = InSubtransaction([&] {
      for (; at < plan->route_count; at = at + 1) {
        const RoutePlan& route = plan->routes[at];
        bool& match = encoder->matches[static_cast<size_t>(at)];
        if (match && route.filter) {
          match = EvaluateFilter(route.filter, full_before, full_after);
        }
      }
    });
    StopFilterBudget();
    if (error == nullptr) break;
    encoder->matches[static_cast<size_t>(at)] = false;
    AddLetter(plan->routes[at].consumer, kFilterError, error->message);
    at = at + 1;
  }
  any = encoder->letters.count > 0;
  for (bool match : encoder->matches) any |= match;
  return any;
}

// ---- targets
// ---------------------------------------------------------------------------------------

struct KeyChange {
  std::string_view key;      // of the row that is left (delete: that was there)
  std::string_view old_key;  // differs from key: the change moves from one group to another
  bool known;                // false: no group can be told; everything waits (a barrier)
};

static void SetGroups(Target* target, const RelationPlan* plan, const KeyChange& key) {
  target->relation = plan->published;
  target->group = GroupHash(plan->published, key.key);
  if (!key.known) {
    target->flags |= kBarrier;
  } else if (key.old_key.data() != nullptr && key.old_key != key.key) {
    target->flags |= kSecondGroup;
    target->second_group = target->group;
    target->group = GroupHash(plan->published, key.old_key);
    if (target->group == target->second_group) target->flags &= ~static_cast<uint32>(kSecondGroup);
  }
}

// The key of the change by these columns, written to `text` (new) and `old_text`.
static KeyChange KeyOf(const RelationPlan* plan, const int* columns, int count, ActionMask action,
                       StringInfo text, StringInfo old_text) {
  const Row& before = encoder->rows.before;
  const Row& after = encoder->rows.after;
  KeyChange key{};
  const Row& main = action == kDelete ? before : after;
  key.known = main.exists;
  if (!key.known) return key;
  AppendKey(text, plan, main, columns, count);
  if (action == kUpdate && before.exists) AppendKey(old_text, plan, before, columns, count);
  key.key = Text(*text);
  if (old_text->len > VARHDRSZ) key.old_key = Text(*old_text);
  return key;
}

static void AddTargets(const RelationPlan* plan, const TransactionPlace& place, int64 idx,
                       ActionMask action) {
  KeyChange key{};
  if (plan->key_count > 0) {
    key = KeyOf(plan, plan->key, plan->key_count, action, &encoder->key, &encoder->old_key);
  }
  for (int i = 0; i < plan->route_count; i++) {
    if (!encoder->matches[static_cast<size_t>(i)]) continue;
    const RoutePlan& route = plan->routes[i];
    Target target{};
    target.consumer = route.consumer;
    if (route.group_by == GroupBy::kKey) {
      SetGroups(&target, plan, key);
    } else if (route.group_by == GroupBy::kEach) {
      uint64 own[2] = {place.commit_lsn, static_cast<uint64>(idx)};
      target.relation = plan->published;
      target.group = XXH3_64bits_withSeed(own, sizeof(own), plan->published);
    } else {
      StringInfoData old_group;
      initStringInfo(&old_group);
      appendStringInfoSpaces(&old_group, VARHDRSZ);
      BeginText(&encoder->group);
      SetGroups(&target, plan,
                KeyOf(plan, route.group_columns, route.group_column_count, action, &encoder->group,
                      &old_group));
    }
    encoder->targets.push(target);
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
    default:
      return 't';
  }
}

static void AppendMeta(const RelationPlan* plan, const TransactionPlace&, ActionMask action) {
  StringInfo meta = &encoder->meta;
  if (action == kUpdate && encoder->old_key.len > VARHDRSZ &&
      Text(encoder->old_key) != Text(encoder->key)) {
    appendStringInfoString(meta, ",\"old_record_pks\":");
    appendBinaryStringInfo(meta, encoder->old_key.data + VARHDRSZ, encoder->old_key.len - VARHDRSZ);
  }
  AppendNotes(meta, encoder->notes);
}

void EncodeChange(Decoder* decoder, RelationPlan* plan, const TransactionPlace& place, int64 idx,
                  ActionMask action, HeapTuple before, HeapTuple after) {
  BeginRecord();
  RowBuffers& rows = encoder->rows;
  ReserveRows(&rows, plan->descriptor->natts, encoder->kept);
  LoadRow(&rows.before, plan, before);
  LoadRow(&rows.after, plan, after);
  FillUnchanged(plan, &rows.after, rows.before);
  if (!MatchRoutes(plan, action, before, after)) return;
  AddTargets(plan, place, idx, action);

  const Row& main = action == kDelete ? rows.before : rows.after;
  if (main.exists) {
    AppendRecord(&encoder->record, plan, main, action == kDelete, kRowBytesMax, &encoder->notes);
  } else {
    appendStringInfoString(&encoder->record, "{}");
  }
  CrashOnText(Text(encoder->record));
  if (action == kUpdate) {
    size_t used = Min(static_cast<size_t>(encoder->record.len), kRowBytesMax);
    AppendChanges(&encoder->changes, plan, rows.before, rows.after, kRowBytesMax - used,
                  &encoder->notes);
  }
  AppendMeta(plan, place, action);
  AddRecord(decoder, plan, place, idx, ActionLetter(action));
}

void EncodeTruncate(Decoder* decoder, RelationPlan* plan, const TransactionPlace& place,
                    int64 idx) {
  BeginRecord();
  appendStringInfoString(&encoder->record, "null");
  for (int i = 0; i < plan->route_count; i++) {
    if ((plan->routes[i].actions & kTruncate) == 0) continue;
    Target target{};
    target.consumer = plan->routes[i].consumer;
    target.flags = kBarrier;
    target.relation = plan->published;
    target.group = GroupHash(plan->published, "");
    encoder->targets.push(target);
  }
  AddRecord(decoder, plan, place, idx, 't');
}

void EncodeFailure(Decoder* decoder, const RelationPlan* plan, const TransactionPlace& place,
                   int64 idx, const char* error) {
  BeginRecord();
  appendStringInfoString(&encoder->record, "null");
  for (int i = 0; i < plan->route_count; i++) {
    AddLetter(plan->routes[i].consumer, kCaptureError, error);
  }
  AddRecord(decoder, plan, place, idx, 'e');
}

}  // namespace sequin
