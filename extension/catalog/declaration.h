// What create_consumer and alter_consumer are given: checked, and put into its stored form.
#pragma once

#include "catalog/table_options.h"
#include "pg/memory.h"

namespace sequin {

struct MillisecondsList {
  int64* items = nullptr;
  int count = 0;
};

struct Declaration {
  const char* name;
  TextList tables;  // patterns, quoted as quote_identifier does
  TextList actions;
  uint32 action_mask;
  const char* filter;    // nullptr: none
  const char* push_url;  // nullptr: pull
  bool custom_group;
  TextList group_columns;
  int64 visibility_timeout_ms;
  int32 max_deliver;  // 0: no limit
  int64 backoff_base_ms;
  int64 backoff_max_ms;
  int32 max_in_flight;  // 0: no limit
  int32 push_batch_size;
  int64 push_timeout_ms;
  Jsonb* push_headers;
  Jsonb* annotations;
  const char* status;
  TextList columns;  // none: all but exclude_columns
  TextList exclude_columns;
  Jsonb* table_options;
  const char* number_format;
  bool publish_via_partition_root;
  bool include_children;
  const char* filter_transition;
  bool fill_unchanged;
  TextList message_prefixes;
  const char* order_mode;
  MillisecondsList backoff_ms;  // none: base and max
  const char* mode;
  const char* key_pattern;  // nullptr: tables
  int32 stream;             // 0: tables
  int64 retain_ms;          // 0: no limit
  int64 retain_bytes;       // 0: no limit
};

// What its arguments say, for tables without an option of their own.
TableChoice ArgumentsOf(const Declaration& declaration);

// ERROR 22023: not a name that a consumer can have.
void CheckConsumerName(const char* name);

// All that can be said without looking at tables: ranges, forms, what does not go together.
// Canonicalizes tables, actions and table_options. ERROR 22023.
void CheckDeclaration(Declaration* declaration);

// What a consumer of a stream cannot have, and what mode latest cannot go with. ERROR 22023.
void CheckSource(const Declaration& declaration);

// The tables that match now exist, `owner` may capture them, and filter, columns and group columns
// fit each of them. Errors are those of CapturedTable and CheckFilter, 42703 and 42501 for columns,
// 55000 for group columns.
void CheckDeclaredTables(const Declaration& declaration, Oid owner);

// `{insert,…}` of a text[] and back. ERROR 22004 for NULL elements, 2202E for
// more than one dimension.
TextList TextListOf(Datum text_array, const char* argument);
Datum TextArrayDatum(const TextList& list);
// An interval[] as milliseconds, and bigint[] of them and back.
MillisecondsList MillisecondsListOf(Datum interval_array, const char* argument);
MillisecondsList StoredMilliseconds(Datum int8_array);
Datum MillisecondsDatum(const MillisecondsList& list);
// An interval as milliseconds: a month has 30 days and a day 24 hours.
int64 MillisecondsOf(const Interval* interval);

}  // namespace sequin
