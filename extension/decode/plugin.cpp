// The output plugin's callbacks, in the order in which logical decoding calls them.
#include "decode/plugin.h"

#include "decode/encode.h"
#include "pg/transaction.h"

namespace sequin {

static Decoder* decoder = nullptr;
static int64 next_idx = 0;  // within the current transaction
static TransactionPlace place;

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
static bool OnFilterOrigin(LogicalDecodingContext*, RepOriginId origin) {
  return origin == DoNotReplicateId;
}

static void OnBegin(LogicalDecodingContext*, ReorderBufferTXN* txn) {
  next_idx = 0;
  place.commit_lsn = txn->final_lsn;
  place.commit_time = txn->xact_time.commit_time;
  place.xid = txn->xid;
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

// Runs `encode` for one change, watched by the attempt file.
template <typename Encode>
static void Watched(const RelationPlan* plan, int64 idx, Encode&& encode) {
  Attempt& attempt = decoder->attempt;
  MemoryContext scratch = EncodeContext();
  if (attempt.MustSkip(place.commit_lsn, idx)) {
    EncodeFailure(decoder, plan, place, idx, "the capture worker crashed at this change");
    return;
  }
  attempt.EnterChange(place.commit_lsn, idx);
  if (attempt.careful()) {
    ErrorData* error = InSubtransaction([&] { InContext(scratch, encode); });
    if (error) EncodeFailure(decoder, plan, place, idx, error->message);
  } else {
    InContext(scratch, encode);
  }
  attempt.LeaveChange();
  MemoryContextReset(scratch);
}

static uint32 ActionOf(ReorderBufferChangeType type) {
  switch (type) {
    case REORDER_BUFFER_CHANGE_INSERT:
      return kInsert;
    case REORDER_BUFFER_CHANGE_UPDATE:
      return kUpdate;
    case REORDER_BUFFER_CHANGE_DELETE:
      return kDelete;
    default:
      return 0;
  }
}

static void OnChange(LogicalDecodingContext*, ReorderBufferTXN*, Relation relation,
                     ReorderBufferChange* change) {
  int64 idx = next_idx++;
  RelationPlan* plan = decoder->plans.PlanOf(relation);
  if (plan->own_consumer_table) {
    InContext(EncodeContext(), [&] { OnDefinition(relation, change); });
    MemoryContextReset(EncodeContext());
    return;
  }
  uint32 action = ActionOf(change->action);
  if ((plan->actions & action) == 0 || idx < place.first_idx) return;
  Watched(plan, idx, [&] {
    EncodeChange(decoder, plan, place, idx, static_cast<ActionMask>(action),
                 TupleOf(change->data.tp.oldtuple), TupleOf(change->data.tp.newtuple));
  });
}

static void OnTruncate(LogicalDecodingContext*, ReorderBufferTXN*, int count, Relation relations[],
                       ReorderBufferChange*) {
  for (int i = 0; i < count; i++) {
    int64 idx = next_idx++;
    RelationPlan* plan = decoder->plans.PlanOf(relations[i]);
    if ((plan->actions & kTruncate) == 0 || idx < place.first_idx) continue;
    // The WAL names the root and every leaf. Only the root says that the published table is empty.
    if (plan->published != plan->relid) continue;
    Watched(plan, idx, [&] { EncodeTruncate(decoder, plan, place, idx); });
  }
}

// Counted so that the index of a change does not depend on who listens to messages.
static void OnMessage(LogicalDecodingContext*, ReorderBufferTXN* txn, XLogRecPtr,
                      bool transactional, const char*, Size, const char*) {
  if (transactional && txn != nullptr) next_idx++;
}

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
