// The message as consumers get it: a JSON object put together from a log row and its consumer.
//
//   {"record":…,"changes":…,"action":"…","metadata":{"table_schema":…,"table_name":…,
//    "commit_timestamp":…,"commit_lsn":…,"commit_idx":…,"database_name":…,
//    "transaction_annotations":…,"idempotency_key":…,"record_pks":[…] … ,"consumer":{…}}}
//
// The texts of the log row pass through as they are. commit_timestamp is ISO 8601 in UTC,
// commit_lsn a number, idempotency_key the base64 of "commit_lsn:commit_idx".
#pragma once

#include "catalog/consumer.h"
#include "log/reader.h"

namespace sequin {

class EnvelopeWriter {
 public:
  explicit EnvelopeWriter(const Consumer* consumer);

  // Appends to `out`.
  void Write(const LogRow& row, StringInfo out);

  // table_schema and table_name as JSON members.
  std::string_view RelationOf(int32 id);

  // What the message's group is called: its key, or the chosen columns as a JSON array; empty: a
  // group of its own. As long as the row, in the current memory context.
  std::string_view GroupKey(const LogRow& row) const;

  // The same at every delivery of the message to this consumer, and different from all others:
  // base64url of "incarnation:commit_lsn:commit_idx:consumer", without padding.
  const char* MessageId(const LogRow& row) const;

 private:
  void WriteCommitTime(TimestampTz time, StringInfo out);

  const Consumer* consumer_;
  StringInfoData tail_;      // ,"consumer":{…}}}
  StringInfoData database_;  // as a JSON string
  TimestampTz time_ = 0;     // of time_text_
  char time_text_[40] = "";
  int time_size_ = 0;
  int32 relation_ = 0;  // of relation_text_
  std::string_view relation_text_;
};

}  // namespace sequin
