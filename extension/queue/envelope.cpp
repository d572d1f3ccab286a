// Building messages (envelope.h).
#include "queue/envelope.h"

#include "change/action.h"
#include "change/json_fields.h"
#include "change/value_json.h"
#include "log/replay_mark.h"
#include "pg/memory.h"
#include "pg/table.h"
#include "queue/log_relation.h"
#include "queue/queue_tables.h"

namespace sequin {
namespace {

// The elements of an array of strings, separated by colons.
void AppendJoined(StringInfo out, std::string_view array) {
  size_t at = 1;
  while (at < array.size() && array[at] != ']') {
    if (at > 1) appendStringInfoChar(out, ':');
    if (array[at] != '"') {
      at = json::SkipValue(array, at) + 1;  // null
      continue;
    }
    size_t end = json::SkipString(array, at);
    for (at++; at < end - 1;) {
      char bytes[4];
      int size;
      at = json::DecodeCharacter(array, at, bytes, &size);
      if (at == std::string_view::npos) return;
      appendBinaryStringInfo(out, bytes, size);
    }
    at = end + 1;
  }
}

// That of a row of a backfill says which row it is, whatever the chunk it came with.
std::string_view IdempotencyKey(const LogRow& row, std::string_view place) {
  if (row.action != 'r') return place;
  const char* members =
      psprintf("{%.*s}", static_cast<int>(row.meta.size()) - 1, row.meta.data() + 1);
  std::string_view backfill = JsonMember(members, "backfill_id");
  if (backfill.size() < 2) return place;
  StringInfoData key;
  initStringInfo(&key);
  appendBinaryStringInfo(&key, backfill.data() + 1, static_cast<int>(backfill.size()) - 2);
  appendStringInfoChar(&key, ':');
  if (row.key.empty()) {
    appendBinaryStringInfo(&key, place.data(), static_cast<int>(place.size()));
  } else {
    AppendJoined(&key, row.key);
  }
  return {key.data, static_cast<size_t>(key.len)};
}

void AppendView(StringInfo out, std::string_view text) {
  appendBinaryStringInfo(out, text.data(), static_cast<int>(text.size()));
}

}  // namespace

EnvelopeWriter::EnvelopeWriter(const Consumer* consumer) : consumer_(consumer) {
  initStringInfo(&tail_);
  appendStringInfo(&tail_, ",\"consumer\":{\"id\":\"%s\",\"name\":",
                   DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&consumer->uuid))));
  AppendJsonName(&tail_, consumer->name);
  appendStringInfo(&tail_, ",\"annotations\":%s}}}", consumer->annotations);
  initStringInfo(&database_);
  AppendJsonName(&database_, get_database_name(MyDatabaseId));
}

void EnvelopeWriter::WriteCommitTime(TimestampTz time, StringInfo out) {
  if (time_text_[0] == '\0' || time != time_) {
    struct pg_tm tm;
    fsec_t fraction;
    if (timestamp2tm(time, nullptr, &tm, &fraction, nullptr, nullptr) != 0) {
      ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
              errmsg("timestamp out of range"));
    }
    time_size_ = pg_snprintf(time_text_, sizeof(time_text_), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
                             tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                             static_cast<int>(fraction));
    time_ = time;
  }
  AppendView(out, {time_text_, static_cast<size_t>(time_size_)});
}

void EnvelopeWriter::Write(const LogRow& stored, StringInfo out) {
  LogRow row = OriginalOf(stored);
  static constexpr std::string_view kAnnotations = ",\"transaction_annotations\"";
  char place[64];  // commit_lsn:commit_idx
  int lsn_size = pg_ulltoa_n(row.commit_lsn, place);
  place[lsn_size] = ':';
  int idx_size = pg_lltoa(row.commit_idx, place + lsn_size + 1);
  std::string_view lsn{place, static_cast<size_t>(lsn_size)};
  std::string_view idx{place + lsn_size + 1, static_cast<size_t>(idx_size)};

  AppendView(out, "{\"record\":");
  AppendView(out, row.record);
  AppendView(out, ",\"changes\":");
  AppendView(out, row.changes.empty() ? "null" : row.changes);
  AppendView(out, ",\"action\":\"");
  AppendView(out, ActionName(row.action));
  AppendView(out, "\",\"metadata\":{");
  AppendView(out, RelationOf(row.relation));
  AppendView(out, ",\"commit_timestamp\":\"");
  WriteCommitTime(row.commit_time, out);
  AppendView(out, "\",\"commit_lsn\":");
  AppendView(out, lsn);
  AppendView(out, ",\"commit_idx\":");
  AppendView(out, idx);
  AppendView(out, ",\"database_name\":");
  appendBinaryStringInfo(out, database_.data, database_.len);
  if (!row.meta.starts_with(kAnnotations)) AppendView(out, ",\"transaction_annotations\":null");
  AppendView(out, ",\"idempotency_key\":\"");
  AppendBase64(out, IdempotencyKey(row, {place, lsn.size() + 1 + idx.size()}), Base64::kStandard);
  AppendView(out, "\",\"record_pks\":");
  AppendView(out, row.key.empty() ? "[]" : row.key);
  AppendView(out, row.meta);
  appendBinaryStringInfo(out, tail_.data, tail_.len);
}

// Neighbours are mostly of one table.
std::string_view EnvelopeWriter::RelationOf(int32 id) {
  if (relation_text_.empty() || id != relation_) relation_text_ = FindLogRelation(id).json;
  relation_ = id;
  return relation_text_;
}

std::string_view EnvelopeWriter::GroupKey(const LogRow& row) const {
  if (consumer_->order == OrderMode::kNone) return {};
  if (consumer_->order == OrderMode::kStrict) return "[]";
  if (!row.group.empty()) return row.group;
  if (row.action == 'm') return JsonMember(row.record, "prefix");
  if (!consumer_->custom_group) return row.key;
  if (row.action == 't') return {};
  StringInfoData key;
  initStringInfo(&key);
  appendStringInfoChar(&key, '[');
  for (int i = 0; i < consumer_->group_column_count; i++) {
    if (i > 0) appendStringInfoChar(&key, ',');
    std::string_view value = JsonMember(row.record, consumer_->group_columns[i]);
    if (value.empty()) return {};  // it was not in the WAL
    AppendView(&key, value);
  }
  appendStringInfoChar(&key, ']');
  return {key.data, static_cast<size_t>(key.len)};
}

const char* EnvelopeWriter::MessageId(const LogRow& stored) const {
  LogRow row = OriginalOf(stored);
  char id[96];
  int size = pg_snprintf(id, sizeof(id), "%d:" UINT64_FORMAT ":" INT64_FORMAT ":%d",
                         row.incarnation, row.commit_lsn, row.commit_idx, consumer_->id);
  StringInfoData out;
  initStringInfo(&out);
  AppendBase64(&out, {id, static_cast<size_t>(size)}, Base64::kUrl);
  return out.data;
}

}  // namespace sequin
