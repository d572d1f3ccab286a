// The output plugin's callbacks, in the order in which logical decoding calls them.
#include "decode/plugin.h"

#include "decode/encode.h"
#include "decode/feed_message.h"
#include "pg/planted_bug.h"
#include "pg/transaction.h"
#include "stream/publish.h"

namespace sequin {

static Decoder* decoder = nullptr;
static int64 next_idx = 0;  // within the current transaction
static TransactionPlace place;
static StringInfoData annotations;  // what place.annotations shows; lives for the process

void SetDecoder(Decoder* next) {
  decoder = next;
}

static void OnStartup(LogicalDecodingContext* context, OutputPluginOptions* options, bool) {
  if (decoder == nullptr) {
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("the output plugin \"sequin\" runs only inside Sequin's capture worker"),
            errhint("Use sequin.create_consumer(); it makes the slot by itself."));
  }
  options->output_type = OUTPUT_PLUGIN_BINARY_OUTPUT;
  options->receive_rewrites = false;
}

// Our own writes. Only what DoNotReplicateId marks: data that a subscription applies is captured.
// And messages that claim to be publishes: this is where one sees the record, and its origin.
static bool OnFilterOrigin(LogicalDecodingContext* context, RepOriginId origin) {
  return origin == DoNotReplicateId || IsForgedMessage(context->reader, origin);
}

static void OnBegin(LogicalDecodingContext*, ReorderBufferTXN* txn) {
  next_idx = 0;
  place.commit_lsn = txn->final_lsn;
  place.commit_time = txn->xact_time.commit_time;
  place.xid = txn->xid;
  place.annotations = {};
  place.first_idx = txn->final_lsn == decoder->part_lsn ? decoder->part_idx : 0;
  decoder->batch.BeginTransaction(txn->xid, txn->final_lsn, txn->xact_time.commit_time);
}

// A row of sequin.consumer: what capture is to do after this transaction.
static void OnDefinition(Relation relation, ReorderBufferChange* change) {
  TupleDesc descriptor = RelationGetDescr(relation);
  HeapTuple before = TupleOf(change->data.tp.oldtuple);
  if (change->action == REORDER_BUFFER_CHANGE_DELETE) {
    if (before == nullptr) return;
    decoder->batch.AddEvent(ConsumerIdOf(descriptor, before), nullptr);
  } else if (HeapTuple tuple = TupleOf(change->data.tp.newtuple)) {
    decoder->batch.AddEvent(ConsumerIdOf(descriptor, tuple),
                            DefinitionText(descriptor, tuple, before));
  }
}

// Runs `encode` for one change, watched by the attempt file; `fail(error)` in its place when it
// must not run or, in the careful mode, when it raises.
template <typename Encode, typename Fail>
static void Watched(int64 idx, Encode&& encode, Fail&& fail) {
  Attempt& attempt = decoder->attempt;
  MemoryContext scratch = EncodeContext();
  if (attempt.MustSkip(place.commit_lsn, idx)) {
    fail("the capture worker crashed at this change");
    return;
  }
  attempt.EnterChange(place.commit_lsn, idx);
  // Messages outside of transactions are decoded outside of one.
  if (attempt.careful() && IsTransactionState()) {
    ErrorData* error = InSubtransaction([&] { InContext(scratch, encode); });
    // Memory may be wanting because of the change, and then always will.
    bool passes = error && MayPass(error) && error->sqlerrcode != ERRCODE_OUT_OF_MEMORY;
    if (passes) ReThrowError(error);
    if (error) fail(error->message);
  } else {
    InContext(scratch, encode);
  }
  attempt.LeaveChange();
  MemoryContextReset(scratch);
}

static ActionMask ActionOf(ReorderBufferChangeType type) {
  switch (type) {
    case REORDER_BUFFER_CHANGE_INSERT:
      return kInsert;
    case REORDER_BUFFER_CHANGE_UPDATE:
      return kUpdate;
    case REORDER_BUFFER_CHANGE_DELETE:
      return kDelete;
    default:
      return ActionMask{};
  }
}

static void DecodeChange(Relation relation, ReorderBufferChange* change) {
  int64 idx = next_idx++;
  if (Planted("order_swapped")) idx ^= 1;
  if (Planted("commit_idx_reused") && change->action == REORDER_BUFFER_CHANGE_UPDATE) next_idx--;
  RelationPlan* plan = decoder->plans.PlanOf(relation);
  if (plan->own_consumer_table) {
    InContext(EncodeContext(), [&] { OnDefinition(relation, change); });
    MemoryContextReset(EncodeContext());
    return;
  }
  if (plan->own_feed_table) {
    if (HeapTuple row = TupleOf(change->data.tp.newtuple)) {
      InContext(EncodeContext(), [&] { TakeFeedChunk(decoder, RelationGetDescr(relation), row); });
      MemoryContextReset(EncodeContext());
    }
    return;
  }
  ActionMask action = ActionOf(change->action);
  if ((plan->actions & action) == 0 || idx < place.first_idx) return;
  if (Planted("partition_skipped") && plan->IsPartition() && plan->relid % 2 == 0) return;
  auto fail = [&](const char* error) { EncodeFailure(decoder, plan, place, idx, action, error); };
  if (plan->error != nullptr) return fail(plan->error);
  Watched(
      idx,
      [&] {
        EncodeChange(decoder, plan, place, idx, action, TupleOf(change->data.tp.oldtuple),
                     TupleOf(change->data.tp.newtuple));
      },
      fail);
}

static void OnChange(LogicalDecodingContext*, ReorderBufferTXN*, Relation relation,
                     ReorderBufferChange* change) {
  DecodeChange(relation, change);
  decoder->batch.KeepWithinMemory();
}

// Whether the statement also names a table that this one is a partition of.
static bool RootIsNamed(const RelationPlan* plan, int count, Relation relations[]) {
  for (int i = 0; i < count; i++) {
    if (plan->IsPartition() && plan->IsBelow(RelationGetRelid(relations[i]))) return true;
  }
  return false;
}

// The WAL names every table that was emptied: those of the statement, and the partitions and
// children below them.
static void OnTruncate(LogicalDecodingContext*, ReorderBufferTXN*, int count, Relation relations[],
                       ReorderBufferChange* change) {
  for (int i = 0; i < count; i++) {
    int64 idx = next_idx++;
    RelationPlan* plan = decoder->plans.PlanOf(relations[i]);
    if ((plan->actions & kTruncate) == 0 || idx < place.first_idx) continue;
    if (Planted("truncate_ignored")) continue;
    Truncation truncation{change->data.truncate.cascade, change->data.truncate.restart_seqs,
                          RootIsNamed(plan, count, relations)};
    Watched(
        idx, [&] { EncodeTruncate(decoder, plan, place, idx, truncation); },
        [&](const char* error) { EncodeFailure(decoder, plan, place, idx, kTruncate, error); });
  }
  decoder->batch.KeepWithinMemory();
}

// ---- messages -----------------------------------------------------------------------------------

static constexpr std::string_view kOwnPrefix = "sequin:";
static constexpr std::string_view kSetAnnotations = "sequin:transaction_annotations.set";
static constexpr std::string_view kClearAnnotations = "sequin:transaction_annotations.clear";
static constexpr size_t kAnnotationBytesMax = 16 * 1024;

static const char* CanonicalObject(std::string_view content) {
  const char* text = pnstrdup(content.data(), content.size());
  Jsonb* json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
  if (!JB_ROOT_IS_OBJECT(json)) return nullptr;
  return JsonbToCString(nullptr, &json->root, VARSIZE(json));
}

static void ShowAnnotations(const char* object, const char* problem) {
  if (annotations.data == nullptr) {
    InContext(TopMemoryContext, [] { initStringInfo(&annotations); });
  }
  resetStringInfo(&annotations);
  appendStringInfo(&annotations, ",\"transaction_annotations\":%s", object ? object : "null");
  if (problem != nullptr) {
    appendStringInfo(&annotations, ",\"transaction_annotations_error\":\"%s\"", problem);
  }
  place.annotations = {annotations.data, static_cast<size_t>(annotations.len)};
}

// What is not right is told to those who get the changes: it was meant for them.
static void SetAnnotations(std::string_view content) {
  if (content.size() > kAnnotationBytesMax) return ShowAnnotations(nullptr, "more than 16 kB");
  if (!pg_verifymbstr(content.data(), static_cast<int>(content.size()), true)) {
    return ShowAnnotations(nullptr, "not valid in the encoding of the database");
  }
  const char* object = nullptr;
  ErrorData* error = InSubtransaction([&] { object = CanonicalObject(content); });
  ShowAnnotations(object, object != nullptr  ? nullptr
                          : error != nullptr ? "not valid JSON"
                                             : "not a JSON object");
}

// Messages to us. They count, too, and are never published.
static void OnOwnMessage(std::string_view prefix, std::string_view content) {
  if (prefix == kSetAnnotations) {
    InContext(EncodeContext(), [&] { SetAnnotations(content); });
    MemoryContextReset(EncodeContext());
  } else if (prefix == kClearAnnotations) {
    place.annotations = {};
  }
}

// A message of sequin.publish(); others with its prefix do not come this far.
static void OnPublish(int64 idx, std::string_view content) {
  PublishMessage message;
  if (!ReadPublishMessage(content, &message)) {
    elog(ERROR, "the WAL has a damaged message of sequin.publish()");
  }
  Watched(
      idx, [&] { EncodePublish(decoder, message, place, idx); },
      [&](const char* error) { EncodePublishFailure(decoder, message, place, idx, error); });
}

static void Publish(int64 idx, std::string_view prefix, std::string_view content) {
  Watched(
      idx, [&] { EncodeMessage(decoder, place, idx, prefix, content); },
      [&](const char* error) { EncodeMessageFailure(decoder, place, idx, prefix, error); });
}

// Belongs to no transaction: decoded when the WAL is read, whatever becomes of the transaction that
// wrote it. It has a place of its own in the batch, which no xid must leave before it is written:
// the start of its record, for where that ends a commit may begin, whose changes have this place.
static void OnLooseMessage(const LogicalDecodingContext* context, std::string_view prefix,
                           std::string_view content) {
  bool publish = Planted("published_at_once") && prefix == kPublishPrefix;
  if (prefix.starts_with(kOwnPrefix) ? !publish : !decoder->routing.any_messages()) return;
  TransactionPlace transaction = place;
  place = TransactionPlace{};
  place.commit_lsn = context->reader->ReadRecPtr;
  place.commit_time = GetCurrentTimestamp();
  decoder->batch.BeginTransaction(InvalidTransactionId, place.commit_lsn, place.commit_time);
  if (publish) {
    OnPublish(0, content);
  } else {
    Publish(0, prefix, content);
  }
  decoder->batch.CommitTransaction(context->reader->EndRecPtr);
  place = transaction;
}

static void DecodeMessage(std::string_view prefix, std::string_view content) {
  // Only the feeder's own: its transactions have changed sequin.feed_chunk before.
  if (prefix == kFeedPrefix && decoder->batch.OpenTransaction().feed != nullptr) {
    next_idx += TakeFeedMessage(decoder, place, next_idx, content);
    return;
  }
  // Counted so that the index of a change does not depend on who listens to messages.
  int64 idx = next_idx++;
  if (prefix == kPublishPrefix) {
    if (idx >= place.first_idx) OnPublish(idx, content);
    return;
  }
  if (prefix.starts_with(kOwnPrefix)) return OnOwnMessage(prefix, content);
  if (idx >= place.first_idx && decoder->routing.any_messages()) Publish(idx, prefix, content);
}

static void OnMessage(LogicalDecodingContext* context, ReorderBufferTXN*, XLogRecPtr,
                      bool transactional, const char* prefix, Size size, const char* message) {
  std::string_view content(message, size);
  if (!transactional) return OnLooseMessage(context, prefix, content);
  DecodeMessage(prefix, content);
  decoder->batch.KeepWithinMemory();
}

// ---- the end ------------------------------------------------------------------------------------

static void OnCommit(LogicalDecodingContext*, ReorderBufferTXN* txn, XLogRecPtr) {
  Batch& batch = decoder->batch;
  const Transaction& transaction = batch.OpenTransaction();
  for (int i = 0; i < transaction.event_count; i++) {
    const DefinitionEvent& event = transaction.events[i];
    if (event.definition != nullptr) {
      decoder->routing.Set(event.consumer, event.definition);
    } else {
      decoder->routing.Remove(event.consumer);
    }
  }
  batch.CommitTransaction(txn->end_lsn);
  decoder->commits++;
}

}  // namespace sequin

extern "C" PGDLLEXPORT void _PG_output_plugin_init(OutputPluginCallbacks* callbacks) {
  using namespace sequin;
  callbacks->startup_cb = OnStartup;
  callbacks->filter_by_origin_cb = OnFilterOrigin;
  callbacks->begin_cb = OnBegin;
  callbacks->change_cb = OnChange;
  callbacks->truncate_cb = OnTruncate;
  callbacks->message_cb = OnMessage;
  callbacks->commit_cb = OnCommit;
}
