// SQL functions publish and publish_batch (api/streams.sql).
#include "capture/settings.h"
#include "change/value_json.h"
#include "pg/memory.h"
#include "pg/table.h"
#include "queue/arguments.h"
#include "queue/table_writer.h"
#include "stream/delayed.h"
#include "stream/key_pattern.h"
#include "stream/publish.h"
#include "stream/publish_target.h"

namespace sequin {
namespace {

constexpr size_t kHeadersBytesMax = 64 * 1024;

// Arguments of all four, in their order.
enum Argument { kStream, kKey, kData, kHeaders, kDeliverAt };

[[noreturn]] void RefuseKey(std::string_view key, KeyProblem problem) {
  const char* hint = "A key has up to 16 tokens separated by dots, each of one or more characters.";
  if (problem == KeyProblem::kTooLong) hint = "A key has at most 255 characters.";
  if (problem == KeyProblem::kBadCharacter) {
    hint = "A key contains no *, no > and no control characters.";
  }
  int shown = pg_mbcliplen(key.data(), static_cast<int>(key.size()), 64);
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("\"%.*s\" cannot be the key of a message", shown, key.data()),
          errhint("%s", hint));
  pg_unreachable();
}

std::string_view JsonText(Datum value) {
  Jsonb* json = DatumGetJsonbP(value);
  StringInfoData text;
  initStringInfo(&text);
  JsonbToCString(&text, &json->root, VARSIZE(json));
  return {text.data, static_cast<size_t>(text.len)};
}

std::string_view HeadersText(Datum value) {
  Jsonb* json = DatumGetJsonbP(value);
  if (!JB_ROOT_IS_OBJECT(json)) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("headers must be a JSON object"));
  }
  if (JB_ROOT_COUNT(json) == 0) return {};
  std::string_view text = JsonText(value);
  if (text.size() > kHeadersBytesMax) {
    ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
            errmsg("headers must not have more than %zu bytes", kHeadersBytesMax));
  }
  return text;
}

void RequireUtf8(const char* name, std::string_view text) {
  if (IsUtf8Text(text)) return;
  ereport(ERROR, errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE), errmsg("%s must be UTF-8", name),
          errdetail("The encoding of this database is SQL_ASCII; messages are UTF-8."));
}

void CheckMessage(const PublishMessage& message) {
  RequireUtf8("key", message.key);
  RequireUtf8("data", message.data);
  RequireUtf8("headers", message.headers);
  KeyProblem problem = CheckKey(message.key);
  if (problem != KeyProblem::kNone) RefuseKey(message.key, problem);
  if (message.data.size() > MaxValueBytes()) {
    ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
            errmsg("data has %zu bytes, more than the limit of %zu", message.data.size(),
                   MaxValueBytes()),
            errhint("The setting sequin.max_value_size is the limit."));
  }
}

// The right to publish, and what all messages of the call have in common.
PublishMessage BeginPublish(FunctionCallInfo call, bool json) {
  PreventCommandIfReadOnly("sequin.publish()");
  PreventCommandDuringRecovery("sequin.publish()");
  PreventCommandIfParallelMode("sequin.publish()");
  std::string_view name = TextArgument(call, kStream, "stream");
  Stream stream = LockStreamToPublish(name);
  PublishMessage message{};
  message.stream = stream.id;
  if (stream.one_message_per_key) message.flags |= kPublishCompact;
  if (json) message.flags |= kPublishJson;
  if (call->args[kDeliverAt].isnull) return message;
  TimestampTz deliver_at = DatumGetTimestampTz(call->args[kDeliverAt].value);
  if (TIMESTAMP_IS_NOEND(deliver_at)) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("deliver_at must not be infinity"));
  }
  if (deliver_at > GetCurrentTimestamp()) {
    message.flags |= kPublishDelayed;
    message.deliver_at = deliver_at;
    TellDelayedAtCommit(deliver_at);
  }
  return message;
}

// Where messages go that are not due yet.
class DelayedWriter {
 public:
  void Open() {
    table_.Open("delayed");
    sequence_ = OwnTableOid("delayed_id_seq");
  }
  void Write(const PublishMessage& message) {
    Datum values[7] = {TimestampTzGetDatum(message.deliver_at),
                       Int64GetDatum(nextval_internal(sequence_, false)),
                       Int32GetDatum(message.stream),
                       BoolGetDatum(message.Has(kPublishJson)),
                       TextDatum(message.key),
                       TextDatum(message.data),
                       TextDatum(message.headers.empty() ? "{}" : message.headers)};
    bool nulls[7] = {};
    table_.Insert(values, nulls, true);
  }
  void Close() { table_.Close(); }

 private:
  TableWriter table_;
  Oid sequence_ = InvalidOid;
};

void Publish(FunctionCallInfo call, bool json) {
  PublishMessage message = BeginPublish(call, json);
  message.key = TextArgument(call, kKey, "key");
  RequireArgument(call, kData, "data");
  message.data = json ? JsonText(call->args[kData].value) : TextView(call->args[kData].value);
  if (!call->args[kHeaders].isnull) message.headers = HeadersText(call->args[kHeaders].value);
  CheckMessage(message);
  if (!message.Has(kPublishDelayed)) return EmitPublish(message);
  DelayedWriter delayed;
  delayed.Open();
  delayed.Write(message);
  delayed.Close();
}

void RequireCount(const char* name, int count, int expected) {
  if (count == expected) return;
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("%s must have as many elements as keys", name));
}

int PublishBatch(FunctionCallInfo call, bool json) {
  PublishMessage message = BeginPublish(call, json);
  RequireArgument(call, kKey, "keys");
  RequireArgument(call, kData, "datas");
  int count, data_count, header_count = 0;
  Datum* keys = ArrayElements(call->args[kKey].value, TEXTOID, "keys", &count);
  Datum* datas =
      ArrayElements(call->args[kData].value, json ? JSONBOID : TEXTOID, "datas", &data_count);
  RequireCount("datas", data_count, count);
  Datum* headers = nullptr;
  bool* no_header = nullptr;
  if (!call->args[kHeaders].isnull) {
    headers = NullableArrayElements(call->args[kHeaders].value, JSONBOID, "headers", &header_count,
                                    &no_header);
    RequireCount("headers", header_count, count);
  }
  DelayedWriter delayed;
  if (message.Has(kPublishDelayed)) delayed.Open();
  MemoryContext each = NewContext(CurrentMemoryContext, "sequin publish");
  for (int i = 0; i < count; i++) {
    InContext(each, [&] {
      message.key = TextView(keys[i]);
      message.data = json ? JsonText(datas[i]) : TextView(datas[i]);
      message.headers = headers && !no_header[i] ? HeadersText(headers[i]) : std::string_view();
      CheckMessage(message);
      if (message.Has(kPublishDelayed)) {
        delayed.Write(message);
      } else {
        EmitPublish(message);
      }
    });
    MemoryContextReset(each);
    CHECK_FOR_INTERRUPTS();
  }
  delayed.Close();
  return count;
}

}  // namespace
}  // namespace sequin

extern "C" {

PG_FUNCTION_INFO_V1(sequin_publish);
Datum sequin_publish(PG_FUNCTION_ARGS) {
  sequin::Publish(fcinfo, false);
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_publish_json);
Datum sequin_publish_json(PG_FUNCTION_ARGS) {
  sequin::Publish(fcinfo, true);
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_publish_batch);
Datum sequin_publish_batch(PG_FUNCTION_ARGS) {
  PG_RETURN_INT32(sequin::PublishBatch(fcinfo, false));
}

PG_FUNCTION_INFO_V1(sequin_publish_batch_json);
Datum sequin_publish_batch_json(PG_FUNCTION_ARGS) {
  PG_RETURN_INT32(sequin::PublishBatch(fcinfo, true));
}

}  // extern "C"
