// SQL functions ack, nack, release, dead_letter, extend and agent_settle (api/queue.sql).
#include "pg/crash_point.h"
#include "pg/planted.h"
#include "pg/table.h"
#include "queue/arguments.h"
#include "queue/settle.h"

namespace sequin {
namespace {

constexpr int64 kDelayMaxMicros = 365 * USECS_PER_DAY;
constexpr int kAckIdsMax = 100000;
constexpr int kErrorBytesMax = 8192;

std::span<SettleOrder> AckIds(FunctionCallInfo call, int number) {
  RequireArgument(call, number, "ack_ids");
  int count;
  Datum* elements = ArrayElements(call->args[number].value, UUIDOID, "ack_ids", &count);
  if (count > kAckIdsMax) {
    ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
            errmsg("ack_ids must have at most %d elements", kAckIdsMax));
  }
  auto* orders =
      static_cast<SettleOrder*>(palloc0(sizeof(SettleOrder) * static_cast<size_t>(Max(count, 1))));
  for (int i = 0; i < count; i++) {
    orders[i].ack_id = *DatumGetUUIDP(elements[i]);
    orders[i].outcome = Outcome::kAcked;
    orders[i].ready_at = kAtOnce;
  }
  return {orders, static_cast<size_t>(count)};
}

const char* ResultText(const SettleOrder& order, bool extended) {
  switch (order.result) {
    case SettleResult::kAlready:
      return "ALREADY_ACKED";
    case SettleResult::kStale:
      return "STALE";
    case SettleResult::kUnknown:
      return "UNKNOWN";
    case SettleResult::kDone:
      break;
  }
  if (extended) return "EXTENDED";
  switch (order.outcome) {
    case Outcome::kNacked:
      return "NACKED";
    case Outcome::kReleased:
      return "RELEASED";
    case Outcome::kDead:
      return "DEAD_LETTERED";
    default:
      return "ACKED";
  }
}

Datum AnswerOrders(FunctionCallInfo call, std::span<SettleOrder> orders, bool extended = false) {
  InitMaterializedSRF(call, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(call->resultinfo);
  for (SettleOrder& order : orders) {
    Datum values[2] = {UUIDPGetDatum(&order.ack_id), TextDatum(ResultText(order, extended))};
    bool nulls[2] = {};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
  if (Planted("ack_unflushed")) {
    set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL,
                      true, 0, false);
  }
  CrashPoint("settle.before_return");
  return Datum{0};
}

// It is kept with the message until that is done.
std::string_view ErrorArgument(Datum error) {
  std::string_view text = TextView(error);
  int size = static_cast<int>(text.size());
  if (size <= kErrorBytesMax) return text;
  return text.substr(0, static_cast<size_t>(pg_mbcliplen(text.data(), size, kErrorBytesMax)));
}

const Consumer* ConsumerArgument(FunctionCallInfo call) {
  PreventCommandIfReadOnly("settling");
  return FindConsumer(TextArgument(call, 0, "consumer"), ConsumerUse::kReceive);
}

// NULL: the policy of the consumer.
void SetDelay(SettleOrder* order, bool is_null, Datum delay) {
  order->by_policy = is_null;
  if (is_null) return;
  int64 micros = IntervalMicros(delay, "delay", 0, kDelayMaxMicros);
  order->ready_at = micros == 0 ? kAtOnce : GetCurrentTimestamp() + micros;
}

Datum Ack(FunctionCallInfo call) {
  const Consumer* consumer = ConsumerArgument(call);
  std::span<SettleOrder> orders = AckIds(call, 1);
  Settler(consumer).Settle(orders);
  return AnswerOrders(call, orders);
}

Datum Nack(FunctionCallInfo call) {
  const Consumer* consumer = ConsumerArgument(call);
  std::span<SettleOrder> orders = AckIds(call, 1);
  for (SettleOrder& order : orders) {
    order.outcome = Outcome::kNacked;
    SetDelay(&order, call->args[2].isnull, call->args[2].value);
    if (!call->args[3].isnull) order.error = ErrorArgument(call->args[3].value);
  }
  Settler(consumer).Settle(orders);
  return AnswerOrders(call, orders);
}

Datum DeadLetter(FunctionCallInfo call) {
  const Consumer* consumer = ConsumerArgument(call);
  std::span<SettleOrder> orders = AckIds(call, 1);
  for (SettleOrder& order : orders) {
    order.outcome = Outcome::kDead;
    if (!call->args[2].isnull) order.error = ErrorArgument(call->args[2].value);
  }
  Settler(consumer).Settle(orders);
  return AnswerOrders(call, orders);
}

Datum Release(FunctionCallInfo call) {
  const Consumer* consumer = ConsumerArgument(call);
  std::span<SettleOrder> orders = AckIds(call, 1);
  for (SettleOrder& order : orders) order.outcome = Outcome::kReleased;
  Settler(consumer).Settle(orders);
  return AnswerOrders(call, orders);
}

Datum Extend(FunctionCallInfo call) {
  const Consumer* consumer = ConsumerArgument(call);
  std::span<SettleOrder> orders = AckIds(call, 1);
  RequireArgument(call, 2, "visibility_timeout");
  int64 visibility = IntervalMicros(call->args[2].value, "visibility_timeout", kVisibilityMinMicros,
                                    kVisibilityMaxMicros);
  Settler(consumer).Extend(orders, GetCurrentTimestamp() + visibility);
  return AnswerOrders(call, orders, true);
}

Outcome OutcomeNamed(std::string_view name) {
  if (name == "ack") return Outcome::kAcked;
  if (name == "nack") return Outcome::kNacked;
  if (name == "release") return Outcome::kReleased;
  if (name == "dead_letter") return Outcome::kDead;
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("unknown outcome \"%.*s\"", static_cast<int>(name.size()), name.data()),
          errhint("Outcomes are ack, nack, release and dead_letter."));
  return Outcome::kAcked;
}

struct Elements {
  Datum* values;
  bool* nulls;
};

// One element for each ack_id.
Elements Parallel(FunctionCallInfo call, int number, Oid type, const char* name, size_t expected) {
  RequireArgument(call, number, name);
  Elements elements;
  int count;
  elements.values =
      NullableArrayElements(call->args[number].value, type, name, &count, &elements.nulls);
  if (static_cast<size_t>(count) != expected) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("%s must have as many elements as ack_ids", name));
  }
  return elements;
}

Datum AgentSettle(FunctionCallInfo call) {
  PreventCommandIfReadOnly("settling");
  RequireArgument(call, 0, "consumer");
  const Consumer* consumer =
      FindConsumerById(DatumGetInt32(call->args[0].value), ConsumerUse::kReceive);
  std::span<SettleOrder> orders = AckIds(call, 1);
  Elements outcomes = Parallel(call, 2, TEXTOID, "outcomes", orders.size());
  Elements delays = Parallel(call, 3, INTERVALOID, "delays", orders.size());
  Elements errors = Parallel(call, 4, TEXTOID, "errors", orders.size());
  for (size_t i = 0; i < orders.size(); i++) {
    SettleOrder& order = orders[i];
    order.outcome = OutcomeNamed(outcomes.nulls[i] ? "NULL" : TextView(outcomes.values[i]));
    if (order.outcome == Outcome::kNacked) SetDelay(&order, delays.nulls[i], delays.values[i]);
    bool with_error = order.outcome == Outcome::kNacked || order.outcome == Outcome::kDead;
    if (with_error && !errors.nulls[i]) order.error = ErrorArgument(errors.values[i]);
  }
  Settler(consumer).Settle(orders);
  return AnswerOrders(call, orders);
}

}  // namespace
}  // namespace sequin

extern "C" {

PG_FUNCTION_INFO_V1(sequin_ack);
Datum sequin_ack(PG_FUNCTION_ARGS) {
  return sequin::Ack(fcinfo);
}

PG_FUNCTION_INFO_V1(sequin_nack);
Datum sequin_nack(PG_FUNCTION_ARGS) {
  return sequin::Nack(fcinfo);
}

PG_FUNCTION_INFO_V1(sequin_release);
Datum sequin_release(PG_FUNCTION_ARGS) {
  return sequin::Release(fcinfo);
}

PG_FUNCTION_INFO_V1(sequin_dead_letter);
Datum sequin_dead_letter(PG_FUNCTION_ARGS) {
  return sequin::DeadLetter(fcinfo);
}

PG_FUNCTION_INFO_V1(sequin_extend);
Datum sequin_extend(PG_FUNCTION_ARGS) {
  return sequin::Extend(fcinfo);
}

PG_FUNCTION_INFO_V1(sequin_agent_settle);
Datum sequin_agent_settle(PG_FUNCTION_ARGS) {
  return sequin::AgentSettle(fcinfo);
}

}  // extern "C"
