// Looks a consumer up and checks who asks (consumer.h).
//
// Read with a snapshot of this very moment: an ack in a REPEATABLE READ transaction must find a
// consumer that was made after the transaction began.
#include "catalog/consumer.h"

#include "capture/place.h"
#include "catalog/captured_table.h"
#include "pg/memory.h"
#include "pg/table.h"

namespace sequin {
namespace {

// Column numbers of sequin.consumer, in the order of api/tables.sql.
enum ConsumerColumn : AttrNumber {
  kId = 1,
  kUuid,
  kName,
  kOwner,
  kStatus,
  kTables,
  kActions,
  kFilter,
  kGroupColumns,
  kOrderMode,
  kVisibilityTimeout,
  kMaxDeliver,
  kBackoffBase,
  kBackoffMax,
  kMaxInFlight,
  kPushBatchSize,
  kAnnotations,
  kColumns,
  kExcludeColumns,
  kTableOptions,
  kNumberFormat,
  kPublishViaPartitionRoot,
  kIncludeChildren,
  kFilterTransition,
  kFillUnchanged,
  kMessagePrefixes,
  kBackoff,
  kHome,
  kMode,
  kKeyPattern,
  kStream,
  kEndpoint,
};

class Row {
 public:
  Row(Relation table, HeapTuple tuple) : table_(table), tuple_(tuple) {}

  bool IsNull(AttrNumber column) const {
    bool is_null;
    ColumnOf(table_, tuple_, column, &is_null);
    return is_null;
  }
  Datum Get(AttrNumber column) const {
    bool is_null;
    return ColumnOf(table_, tuple_, column, &is_null);
  }
  TransactionId Version() const { return HeapTupleHeaderGetRawXmin(tuple_->t_data); }
  int32 Int4Or0(AttrNumber column) const { return IsNull(column) ? 0 : DatumGetInt32(Get(column)); }
  int64 Int8(AttrNumber column) const { return DatumGetInt64(Get(column)); }
  char* Text(AttrNumber column) const { return TextDatumGetCString(Get(column)); }

 private:
  Relation table_;
  HeapTuple tuple_;
};

void ReadGroupColumns(const Row& row, Consumer* consumer) {
  consumer->custom_group = !row.IsNull(kGroupColumns);
  if (!consumer->custom_group) return;
  Datum* elements;
  int count;
  deconstruct_array(DatumGetArrayTypeP(row.Get(kGroupColumns)), TEXTOID, -1, false, TYPALIGN_INT,
                    &elements, nullptr, &count);
  auto** names = static_cast<const char**>(palloc(sizeof(char*) * (count ? count : 1)));
  for (int i = 0; i < count; i++) names[i] = TextDatumGetCString(elements[i]);
  consumer->group_columns = names;
  consumer->group_column_count = count;
}

void ReadBackoff(const Row& row, Consumer* consumer) {
  if (row.IsNull(kBackoff)) return;
  Datum* elements;
  int count;
  deconstruct_array(DatumGetArrayTypeP(row.Get(kBackoff)), INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
                    TYPALIGN_DOUBLE, &elements, nullptr, &count);
  auto* delays = static_cast<int64*>(palloc(sizeof(int64) * (count ? count : 1)));
  for (int i = 0; i < count; i++) delays[i] = DatumGetInt64(elements[i]);
  consumer->backoff_ms = delays;
  consumer->backoff_count = count;
}

OrderMode OrderOf(std::string_view name) {
  return name == "none"     ? OrderMode::kNone
         : name == "strict" ? OrderMode::kStrict
                            : OrderMode::kGroup;
}

TextList TextsOrNone(const Row& row, AttrNumber column) {
  TextList list;
  if (row.IsNull(column)) return list;
  Datum* elements;
  deconstruct_array(DatumGetArrayTypeP(row.Get(column)), TEXTOID, -1, false, TYPALIGN_INT,
                    &elements, nullptr, &list.count);
  list.items = static_cast<const char**>(palloc(sizeof(char*) * (list.count + 1)));
  for (int i = 0; i < list.count; i++) list.items[i] = TextDatumGetCString(elements[i]);
  return list;
}

void ReadChoice(const Row& row, Consumer* consumer) {
  TableChoice& choice = consumer->choice;
  if (!row.IsNull(kFilter)) choice.filter = row.Text(kFilter);
  choice.columns = TextsOrNone(row, kColumns);
  choice.exclude_columns = TextsOrNone(row, kExcludeColumns);
  Jsonb* options = DatumGetJsonbPCopy(row.Get(kTableOptions));
  if (JB_ROOT_COUNT(options) > 0) consumer->table_options = options;
  consumer->context = CurrentMemoryContext;
  std::string_view format = TextView(row.Get(kNumberFormat));
  consumer->number_format = format == "number"   ? NumberFormat::kNumber
                            : format == "string" ? NumberFormat::kString
                                                 : NumberFormat::kStandard;
  consumer->include_children = DatumGetBool(row.Get(kIncludeChildren));
}

Consumer* ReadConsumer(const Row& row) {
  auto* consumer = static_cast<Consumer*>(palloc0(sizeof(Consumer)));
  consumer->id = DatumGetInt32(row.Get(kId));
  consumer->uuid = *DatumGetUUIDP(row.Get(kUuid));
  consumer->name = row.Text(kName);
  consumer->owner = DatumGetObjectId(row.Get(kOwner));
  consumer->kind = row.IsNull(kEndpoint) ? ConsumerKind::kPull : ConsumerKind::kPush;
  consumer->order = OrderOf(TextView(row.Get(kOrderMode)));
  consumer->at_home = IsHome(TextView(row.Get(kHome)));
  consumer->paused = TextView(row.Get(kStatus)) == "paused" || !consumer->at_home;
  consumer->visibility_timeout_ms = row.Int8(kVisibilityTimeout);
  consumer->max_deliver = row.Int4Or0(kMaxDeliver);
  consumer->backoff_base_ms = row.Int8(kBackoffBase);
  consumer->backoff_max_ms = row.Int8(kBackoffMax);
  consumer->max_in_flight = row.Int4Or0(kMaxInFlight);
  Jsonb* annotations = DatumGetJsonbP(row.Get(kAnnotations));
  consumer->annotations = JsonbToCString(nullptr, &annotations->root, VARSIZE(annotations));
  consumer->version = row.Version();
  ReadChoice(row, consumer);
  consumer->fill_unchanged = DatumGetBool(row.Get(kFillUnchanged));
  for (std::string_view action : TextsOrNone(row, kActions)) {
    consumer->wants_updates |= action == "update";
  }
  consumer->turns_updates = TextView(row.Get(kFilterTransition)) == "insert_delete";
  ReadBackoff(row, consumer);
  consumer->latest = TextView(row.Get(kMode)) == "latest";
  consumer->stream = row.Int4Or0(kStream);
  ReadGroupColumns(row, consumer);
  return consumer;
}

Consumer* ScanForConsumer(Relation table, Oid index, ScanKeyData key) {
  Consumer* found = nullptr;
  Snapshot snapshot = TakeSnapshot();
  ScanOrdered(table, index, snapshot, {&key, 1}, Direction::kForward, [&](HeapTuple tuple) {
    found = ReadConsumer(Row(table, tuple));
    return false;
  });
  ReleaseSnapshot(snapshot);
  return found;
}

bool LooksLikeUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); i++) {
    bool dash_here = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash_here ? text[i] != '-' : !isxdigit(static_cast<unsigned char>(text[i]))) return false;
  }
  return true;
}

// Names are COLLATE "C", which is what ScanKeyInit compares with.
Consumer* FindByName(Relation table, std::string_view name) {
  ScanKeyData key;
  ScanKeyInit(&key, kName, BTEqualStrategyNumber, F_TEXTEQ, TextDatum(name));
  return ScanForConsumer(table, UniqueIndexOn(table, kName), key);
}

Consumer* FindByUuid(Relation table, std::string_view text) {
  char uuid[37];
  memcpy(uuid, text.data(), 36);
  uuid[36] = '\0';
  ScanKeyData key;
  ScanKeyInit(&key, kUuid, BTEqualStrategyNumber, F_UUID_EQ,
              DirectFunctionCall1(uuid_in, CStringGetDatum(uuid)));
  return ScanForConsumer(table, UniqueIndexOn(table, kUuid), key);
}

bool IsGrantee(int32 consumer) {
  bool found = false;
  Oid user = GetUserId();
  Relation table = OpenOwnTable("consumer_grantee", AccessShareLock);
  ScanKeyData key = KeyInt4(1, BTEqualStrategyNumber, consumer);
  Snapshot snapshot = TakeSnapshot();
  ScanPrimaryKey(table, snapshot, {&key, 1}, Direction::kForward, [&](HeapTuple tuple) {
    bool is_null;
    Oid grantee = DatumGetObjectId(ColumnOf(table, tuple, 2, &is_null));
    found = has_privs_of_role(user, grantee);
    return !found;
  });
  ReleaseSnapshot(snapshot);
  CloseOwnTable(table, AccessShareLock);
  return found;
}

bool MayUse(const Consumer* consumer, ConsumerUse use) {
  if (has_privs_of_role(GetUserId(), consumer->owner)) return true;
  if (use == ConsumerUse::kManage) return IsMemberOf("sequin_admin");
  if (use == ConsumerUse::kOperate) return IsMemberOf("sequin_admin") || IsMemberOf("sequin_agent");
  if (use == ConsumerUse::kOwn) return false;
  return IsMemberOf("sequin_agent") || IsGrantee(consumer->id);
}

const char* WhoMay(ConsumerUse use) {
  switch (use) {
    case ConsumerUse::kReceive:
      return "Only its owner, roles named in sequin.grant_consumer, and members of sequin_agent "
             "may receive and settle.";
    case ConsumerUse::kOperate:
      return "Only its owner and members of sequin_admin and sequin_agent may rewind it, or put "
             "back "
             "and purge its dead letters.";
    case ConsumerUse::kManage:
      return "Only its owner and members of sequin_admin may alter or drop it.";
    case ConsumerUse::kOwn:
      return "Only its owner may say what it captures, where it is sent, and who else receives.";
  }
  return "";
}

void RequireRight(const Consumer* consumer, ConsumerUse use) {
  if (MayUse(consumer, use)) return;
  ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
          errmsg("permission denied for consumer \"%s\"", consumer->name),
          errdetail_internal("%s", WhoMay(use)));
}

}  // namespace

bool IsMemberOf(const char* role) {
  Oid oid = get_role_oid(role, true);
  return OidIsValid(oid) ? has_privs_of_role(GetUserId(), oid) : superuser();
}

const TableOptions& OptionsOf(const Consumer* consumer) {
  if (consumer->options == nullptr) {
    InContext(consumer->context, [&] {
      auto* options = New<TableOptions>(consumer->context);
      if (consumer->table_options != nullptr) {
        *options = ReadTableOptions(&consumer->table_options->root);
      }
      consumer->options = options;
    });
  }
  return *consumer->options;
}

namespace {

const TableOption* OptionOf(const Consumer* consumer, Oid relation) {
  const char* table = get_rel_name(relation);
  const char* schema = table ? get_namespace_name(get_rel_namespace(relation)) : nullptr;
  return schema ? OptionsOf(consumer).Find(schema, table) : nullptr;
}

}  // namespace

TableChoice ChoiceFor(const Consumer* consumer, const char* schema, const char* table,
                      Oid relation) {
  if (OptionsOf(consumer).count == 0) return consumer->choice;
  // Options go by the root of a partition, under whatever name its changes are published.
  List* ancestors = get_rel_relispartition(relation) ? get_partition_ancestors(relation) : NIL;
  const TableOption* option = ancestors != NIL ? OptionOf(consumer, llast_oid(ancestors))
                                               : OptionsOf(consumer).Find(schema, table);
  if (option == nullptr && ancestors == NIL && consumer->include_children) {
    ListCell* cell;
    foreach (cell, InheritanceAncestors(relation)) {
      option = OptionOf(consumer, lfirst_oid(cell));
      if (option != nullptr) break;
    }
  }
  return ChoiceOf(consumer->choice, option);
}

bool HasFilter(const Consumer* consumer) {
  bool any = consumer->choice.filter != nullptr;
  const TableOptions& options = OptionsOf(consumer);
  for (int i = 0; i < options.count; i++) any |= options.items[i].choice.filter != nullptr;
  return any;
}

Consumer* FindConsumer(std::string_view name_or_uuid, ConsumerUse use) {
  Relation table = OpenOwnTable("consumer", AccessShareLock);
  Consumer* consumer = FindByName(table, name_or_uuid);
  if (consumer == nullptr && LooksLikeUuid(name_or_uuid)) {
    consumer = FindByUuid(table, name_or_uuid);
  }
  CloseOwnTable(table, AccessShareLock);
  if (consumer == nullptr) {
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
            errmsg("consumer \"%.*s\" does not exist", static_cast<int>(name_or_uuid.size()),
                   name_or_uuid.data()),
            errhint("The view sequin.consumers lists the consumers of this database."));
  }
  RequireRight(consumer, use);
  return consumer;
}

Consumer* FindConsumerIfAny(int32 id) {
  Relation table = OpenOwnTable("consumer", AccessShareLock);
  Consumer* consumer = ScanForConsumer(table, RelationGetPrimaryKeyIndex(table),
                                       KeyInt4(kId, BTEqualStrategyNumber, id));
  CloseOwnTable(table, AccessShareLock);
  return consumer;
}

Consumer* FindConsumerById(int32 id, ConsumerUse use) {
  Consumer* consumer = FindConsumerIfAny(id);
  if (consumer == nullptr) {
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("consumer %d does not exist", id),
            errhint("The view sequin.consumers lists the consumers of this database."));
  }
  RequireRight(consumer, use);
  return consumer;
}

bool MaySeeConsumer(int32 id) {
  if (IsMemberOf("sequin_monitor") || IsMemberOf("sequin_agent") || IsMemberOf("sequin_admin")) {
    return true;
  }
  const Consumer* consumer = FindConsumerIfAny(id);
  return consumer != nullptr && MayUse(consumer, ConsumerUse::kReceive);
}

bool ConsumerStillExists(int32 id) {
  Relation table = OpenOwnTable("consumer", AccessShareLock);
  const Consumer* consumer = ScanForConsumer(table, RelationGetPrimaryKeyIndex(table),
                                             KeyInt4(kId, BTEqualStrategyNumber, id));
  CloseOwnTable(table, AccessShareLock);
  return consumer != nullptr;
}

}  // namespace sequin
