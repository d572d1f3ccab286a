// From what is no change of a row to a record of the batch (encode.h): logical messages, messages
// of streams, and copies of log rows. Looks at no catalog: messages outside of transactions are
// decoded outside of one.
#include "capture/settings.h"
#include "change/column_json.h"
#include "change/json_escape.h"
#include "change/value_json.h"
#include "change/value_text.h"
#include "decode/record_writer.h"
#include "log/reader.h"
#include "pg/crash_point.h"
#include "stream/key_pattern.h"
#include "stream/stream_names.h"

namespace sequin {

static RecordWriter* BeginMessage() {
  RecordWriter* out = TheRecord();
  BeginText(&out->key);
  out->Begin();
  return out;
}

// ---- messages -----------------------------------------------------------------------------------

static void AppendMessage(RecordWriter* out, std::string_view prefix, std::string_view content) {
  StringInfo record = &out->record;
  appendStringInfoString(record, "{\"prefix\":");
  AppendJsonName(record, prefix);
  if (content.size() > Min(MaxValueBytes(), kMessageBytesMax / kJsonEscapedBytesMax)) {
    appendStringInfoString(
        &out->meta,
        ",\"omitted_columns\":[\"content\"],"
        "\"omitted_reasons\":{\"content\":\"the value is larger than sequin.max_value_size\"}");
  } else if (IsReadable(content)) {
    appendStringInfoString(record, ",\"content\":");
    AppendJsonString(record, content);
  } else {
    appendStringInfoString(record, ",\"content_base64\":\"");
    AppendBase64(record, content, Base64::kStandard);
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
  // Nobody can ask for a prefix that is not valid.
  if (!pg_verifymbstr(prefix.data(), static_cast<int>(prefix.size()), true)) return;
  RecordWriter* out = BeginMessage();
  ForEachListener(decoder, prefix, [&](int32 consumer) {
    Target target{};
    target.consumer = consumer;
    target.group = GroupHash(InvalidOid, prefix);
    out->targets.push(target);
  });
  if (out->targets.empty()) return;
  AppendText(&out->meta, place.annotations);
  AppendMessage(out, prefix, content);
  out->Write(decoder, place, {idx, 'm', 0, 0}, &out->key);
}

// ---- streams ------------------------------------------------------------------------------------

template <typename Visit>
static void ForEachListener(Decoder* decoder, const PublishMessage& message, Visit&& visit) {
  for (const Definition* definition : decoder->routing.definitions()) {
    if (definition->stream == message.stream && KeyMatches(definition->key_pattern, message.key)) {
      visit(definition->consumer);
    }
  }
}

static void AppendPublish(RecordWriter* out, const PublishMessage& message) {
  StringInfo record = &out->record;
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
  appendStringInfoString(&out->meta, ",\"deliver_at\":");
  ValuePlan* time = PlanValue(TIMESTAMPTZOID, NumberFormat::kStandard, CurrentMemoryContext);
  AppendValue(&out->meta, time, TimestampTzGetDatum(message.deliver_at));
}

void EncodePublish(Decoder* decoder, const PublishMessage& message, const TransactionPlace& place,
                   int64 idx) {
  RecordWriter* out = BeginMessage();
  Target target{};
  target.group = StreamGroupHash(message.stream, message.key);
  ForEachListener(decoder, message, [&](int32 consumer) {
    target.consumer = consumer;
    out->targets.push(target);
  });
  appendStringInfoChar(&out->key, '[');
  AppendJsonString(&out->key, message.key);
  appendStringInfoChar(&out->key, ']');
  AppendText(&out->meta, place.annotations);
  AppendPublish(out, message);
  CrashOnText(Text(out->record));
  out->AddState(message.Has(kPublishCompact) ? kStreamMessageAlone : kStreamMessage, message.stream,
                InvalidOid, target.group,
                message.key.size() + message.data.size() + message.headers.size(), message.key);
  out->Write(decoder, place, {idx, 'p', StreamRelationId(message.stream), 0}, &out->key);
}

// ---- copies -------------------------------------------------------------------------------------

void EncodeCopy(Decoder* decoder, const TransactionPlace& place, int64 idx, const LogRow& row,
                const Target& target) {
  RecordWriter* out = BeginMessage();
  AppendText(&out->key, row.key);
  if (!row.group.empty()) {
    appendStringInfoChar(&out->key, '\n');
    AppendText(&out->key, row.group);
  }
  AppendText(&out->record, row.record);
  AppendText(&out->changes, row.changes);
  AppendText(&out->meta, row.meta);
  AppendText(&out->meta, place.more_meta);
  out->targets.push(target);
  out->Write(decoder, place, {idx, row.action, row.relation, row.form}, &out->key);
}

// ---- failures -----------------------------------------------------------------------------------

void EncodeMessageFailure(Decoder* decoder, const TransactionPlace& place, int64 idx,
                          std::string_view prefix, const char* error) {
  RecordWriter* out = BeginMessage();
  ForEachListener(decoder, prefix, [&](int32 consumer) { out->AddLetter(consumer, error); });
  if (out->letters.empty()) return;
  appendStringInfoString(&out->record, "null");
  out->Write(decoder, place, {idx, 'm', 0, 0}, &out->key);
}

void EncodePublishFailure(Decoder* decoder, const PublishMessage& message,
                          const TransactionPlace& place, int64 idx, const char* error) {
  RecordWriter* out = BeginMessage();
  ForEachListener(decoder, message, [&](int32 consumer) { out->AddLetter(consumer, error); });
  if (out->letters.empty()) return;
  appendStringInfoString(&out->record, "null");
  out->Write(decoder, place, {idx, 'p', StreamRelationId(message.stream), 0}, &out->key);
}

}  // namespace sequin
