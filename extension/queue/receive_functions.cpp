// SQL functions receive, agent_receive and agent_next_due (api/queue.sql).
//
// They commit what they claim, so they run in a statement of their own: what was claimed must not
// depend on what else a transaction does, and the consumer's lock must not be held by a client that
// thinks.
#include "filter/sandbox.h"
#include "pg/memory.h"
#include "pg/monotonic.h"
#include "pg/table.h"
#include "queue/arguments.h"
#include "queue/own_statement.h"
#include "queue/queue_locks.h"
#include "queue/receive.h"
#include "stream/stream.h"
#include "wake/wake.h"

namespace sequin {
namespace {

constexpr int64 kWaitMaxMicros = 30 * USECS_PER_SEC;
constexpr int kBatchesMax = 1000;
// A session that receives will receive again. Larger answers are rare and give their memory back.
constexpr int kKeptBytes = 32 * 1024 * 1024;

int64 Visibility(FunctionCallInfo call, int number, const Consumer* consumer) {
  if (call->args[number].isnull) return consumer->visibility_timeout_ms * 1000;
  return IntervalMicros(call->args[number].value, "visibility_timeout", kVisibilityMinMicros,
                        kVisibilityMaxMicros);
}

void RequireBatchSize(int32 size) {
  if (size >= 1 && size <= kClaimEntriesMax) return;
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("batch_size must be between 1 and %d", kClaimEntriesMax));
}

int64 MaxBytes(Datum value) {
  int64 bytes = DatumGetInt64(value);
  if (bytes >= 1) return bytes;
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("max_bytes must be at least 1"),
          errhint("NULL means without limit."));
  return 0;
}

// ---- receive -----------------------------------------------------------------------------------

// Claims, or waits until there is something to claim or the time is over.
bool ClaimOrWait(Receiver* receiver, int32 consumer, int64 wait) {
  if (wait == 0) return receiver->Claim(false);
  int64 deadline = MonotonicMicros() + wait;
  for (;;) {
    uint32 generation = WakeGeneration(consumer);
    bool last = MonotonicMicros() >= deadline;
    if (receiver->Claim(!last)) return true;
    if (last || receiver->more_to_scan()) return false;
    long due_ms = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), receiver->next_due());
    WaitForWake(consumer, generation, Min(MillisecondsUntil(deadline), due_ms));
    CHECK_FOR_INTERRUPTS();
    if (!receiver->Renew()) return false;
  }
}

Datum MessageDatum(EnvelopeWriter* envelopes, const LogRow& row) {
  StringInfoData message;
  initStringInfo(&message);
  appendStringInfoSpaces(&message, VARHDRSZ);
  envelopes->Write(row, &message);
  SET_VARSIZE(message.data, message.len);
  return PointerGetDatum(message.data);
}

Datum AckIdDatum(const AckId& id) {
  auto* uuid = static_cast<pg_uuid_t*>(palloc(sizeof(pg_uuid_t)));
  EncodeAckId(id, uuid->data);
  return UUIDPGetDatum(uuid);
}

Datum GroupKeyDatum(EnvelopeWriter* envelopes, const LogRow& row, bool* is_null) {
  std::string_view key = envelopes->GroupKey(row);
  *is_null = key.empty();
  return *is_null ? Datum{0} : TextDatum(key);
}

Datum Receive(FunctionCallInfo call) {
  RequireOwnStatement(call, "sequin.receive");
  std::string_view name = TextArgument(call, 0, "consumer");
  RequireArgument(call, 1, "batch_size");
  RequireArgument(call, 3, "wait");
  int32 batch = DatumGetInt32(call->args[1].value);
  RequireBatchSize(batch);
  int64 wait = IntervalMicros(call->args[3].value, "wait", 0, kWaitMaxMicros);
  const Consumer* consumer = FindConsumer(name, ConsumerUse::kReceive);
  ReceiveRequest request{{&batch, 1}, Visibility(call, 2, consumer)};
  if (!call->args[4].isnull) request.bytes_max = MaxBytes(call->args[4].value);
  if (!call->args[5].isnull) request.name = DatumGetUUIDP(call->args[5].value)->data;

  KeepFreedMemory(kKeptBytes);
  InitMaterializedSRF(call, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(call->resultinfo);
  if (consumer->paused) return Datum{0};
  RequireReadableStream(consumer->stream, consumer->owner);
  Receiver receiver(consumer, request);
  if (!ClaimOrWait(&receiver, consumer->id, wait)) return Datum{0};
  receiver.Answer(
      [&](const ReceivedMessage& message, const LogRow& row, EnvelopeWriter* envelopes) {
        bool nulls[5] = {};
        Datum values[5] = {AckIdDatum(message.id), MessageDatum(envelopes, row),
                           GroupKeyDatum(envelopes, row, &nulls[2]),
                           Int32GetDatum(message.entry->deliveries + 1),
                           Int64GetDatum(message.entry->seq)};
        tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
      });
  return Datum{0};
}

// ---- agent_receive -----------------------------------------------------------------------------

// What is asked for in one statement, bounded in sum as well.
std::span<const int32> BatchSizes(FunctionCallInfo call) {
  RequireArgument(call, 1, "batch_sizes");
  int count;
  Datum* elements = ArrayElements(call->args[1].value, INT4OID, "batch_sizes", &count);
  auto* sizes = static_cast<int32*>(palloc(sizeof(int32) * static_cast<size_t>(Max(count, 1))));
  int64 total = 0;
  for (int i = 0; i < count; i++) {
    sizes[i] = DatumGetInt32(elements[i]);
    RequireBatchSize(sizes[i]);
    total += sizes[i];
  }
  if (count == 0 || count > kBatchesMax || total > kClaimEntriesMax) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("batch_sizes must have 1 to %d elements and a sum of at most %d", kBatchesMax,
                   kClaimEntriesMax));
  }
  return {sizes, static_cast<size_t>(count)};
}

Datum AgentReceive(FunctionCallInfo call) {
  RequireOwnStatement(call, "sequin.agent_receive");
  RequireArgument(call, 0, "consumer");
  std::span<const int32> batches = BatchSizes(call);
  const Consumer* consumer =
      FindConsumerById(DatumGetInt32(call->args[0].value), ConsumerUse::kReceive);
  int64 visibility = Visibility(call, 2, consumer);

  KeepFreedMemory(kKeptBytes);
  InitMaterializedSRF(call, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(call->resultinfo);
  if (consumer->paused) return Datum{0};
  RequireReadableStream(consumer->stream, consumer->owner);
  uint32 generation = WakeGeneration(consumer->id);
  Receiver receiver(consumer, {batches, visibility});
  bool any = receiver.Claim(false);
  if (!receiver.full()) {
    // What came after the look and before the arming would be told to nobody.
    ArmNotify(consumer->id);
    if (WakeGeneration(consumer->id) != generation || receiver.more_to_scan()) {
      WakeConsumerAtCommit(consumer->id);
    }
  }
  if (!any) return Datum{0};
  receiver.Answer(
      [&](const ReceivedMessage& message, const LogRow& row, EnvelopeWriter* envelopes) {
        bool nulls[8] = {};
        Datum values[8] = {Int32GetDatum(message.claim),
                           AckIdDatum(message.id),
                           MessageDatum(envelopes, row),
                           GroupKeyDatum(envelopes, row, &nulls[3]),
                           Int64GetDatum(static_cast<int64>(message.group_hash)),
                           Int32GetDatum(message.entry->deliveries + 1),
                           Int64GetDatum(message.entry->seq),
                           TextDatum(envelopes->MessageId(row))};
        tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
      });
  // It is woken by this commit.
  if (receiver.gave_back()) ArmNotify(consumer->id);
  return Datum{0};
}

// ---- agent_next_due ----------------------------------------------------------------------------

Datum AgentNextDue(FunctionCallInfo call) {
  RefuseInSandbox("sequin.agent_next_due");
  // What the claim knows of the consumer is in use until it has committed.
  if (InClaimTransaction()) {
    ereport(ERROR, errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
            errmsg("sequin.agent_next_due cannot be called in a statement that has claimed"));
  }
  const Consumer* consumer =
      FindConsumerById(DatumGetInt32(call->args[0].value), ConsumerUse::kReceive);
  LockConsumer(consumer->id, true);
  ClaimSession* session = EnterClaimSession(consumer->id);
  QueueTables tables(consumer->id);
  tables.Open();
  session->open->Refresh(&tables);
  ClaimRules rules{};
  rules.now = TimeAfter(session->open->newest().taken_at, GetCurrentTimestamp());
  ClaimEngine engine(&tables, session->open, MemoryOf(CurrentMemoryContext), rules);
  engine.Begin();
  int64 due = engine.Changed() ? rules.now : engine.NextDue();
  if (engine.Changed()) {
    ForgetClaimSession(session);
  } else {
    LeaveClaimSession();
  }
  tables.Close();
  tables.UnlockClaims();
  UnlockConsumer(consumer->id);
  if (due == PG_INT64_MAX) {
    call->isnull = true;
    return Datum{0};
  }
  return TimestampTzGetDatum(due);
}

}  // namespace
}  // namespace sequin

extern "C" {

PG_FUNCTION_INFO_V1(sequin_receive);
Datum sequin_receive(PG_FUNCTION_ARGS) {
  return sequin::Receive(fcinfo);
}

PG_FUNCTION_INFO_V1(sequin_agent_receive);
Datum sequin_agent_receive(PG_FUNCTION_ARGS) {
  return sequin::AgentReceive(fcinfo);
}

PG_FUNCTION_INFO_V1(sequin_agent_next_due);
Datum sequin_agent_next_due(PG_FUNCTION_ARGS) {
  return sequin::AgentNextDue(fcinfo);
}

}  // extern "C"
