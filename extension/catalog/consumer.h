// A consumer as the user declared it, read from sequin.consumer, and who may use it.
#pragma once

#include "catalog/order_mode.h"
#include "catalog/table_options.h"
#include "change/value_json.h"
#include "pg/prelude.h"

namespace sequin {

enum class ConsumerKind : char { kPush = 'p', kPull = 'l' };

struct Consumer {
  int32 id;
  pg_uuid_t uuid;
  const char* name;
  Oid owner;
  ConsumerKind kind;
  OrderMode order;
  bool paused;   // by somebody, or since it is not at home
  bool at_home;  // in the database it was made active in
  int64 visibility_timeout_ms;
  int32 max_deliver;  // 0 = no limit
  int64 backoff_base_ms;
  int64 backoff_max_ms;
  const int64* backoff_ms;  // instead of base and max, nullptr: none
  int32 backoff_count;
  bool latest;                          // mode latest
  int32 stream;                         // its source; 0: tables
  int32 max_in_flight;                  // messages; 0 = no limit
  const char* annotations;              // JSON text
  TransactionId version;                // of its row: another one after each change
  TableChoice choice;                   // for tables without an option; its groups are below
  Jsonb* table_options;                 // as it stands; nullptr: none
  mutable const TableOptions* options;  // read when they are asked for
  MemoryContext context;                // where it was read to
  bool include_children;
  NumberFormat number_format;
  bool fill_unchanged;  // look up what an update left out of the WAL
  bool wants_updates;   // update is one of its actions
  bool turns_updates;   // filter_transition insert_delete
  bool custom_group;    // group_columns were given
  const char* const* group_columns;
  int32 group_column_count;
};

// What the consumer wants of a table, by the name and OID it is published under.
TableChoice ChoiceFor(const Consumer* consumer, const char* schema, const char* table,
                      Oid relation);
// Its options for single tables. They are read at first use, so that a consumer whose options were
// damaged by hand can be put right and dropped.
const TableOptions& OptionsOf(const Consumer* consumer);
// It has a filter, for some table at least.
bool HasFilter(const Consumer* consumer);

enum class ConsumerUse {
  kReceive,  // receive and settle: the owner, grantees, sequin_agent, superusers
  kOperate,  // rewind, dead letters: the owner, sequin_admin, sequin_agent, superusers
  kManage,   // alter and drop: the owner, sequin_admin, superusers
  kOwn,      // say who else may receive: the owner, superusers
};

// By name or by uuid text. ERROR 42704 when there is none, 42501 when the current user may not.
// Allocated in the current memory context.
Consumer* FindConsumer(std::string_view name_or_uuid, ConsumerUse use);
// By internal number, for the agent's functions.
Consumer* FindConsumerById(int32 id, ConsumerUse use);
// The same for the capture worker, which asks for no rights; nullptr when there is none.
Consumer* FindConsumerIfAny(int32 id);

// Whether the current user may know how far the consumer is, as the views show it.
bool MaySeeConsumer(int32 id);

bool ConsumerStillExists(int32 id);

// Whether the current user has the rights of one of our group roles (sequin_admin, …).
bool IsMemberOf(const char* role);

}  // namespace sequin
