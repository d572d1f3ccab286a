// SQL functions that declare consumers (api/definitions.sql).
//
// They run as their caller, whose rights count, and write as the owner of the extension
// (stored_consumer.cpp). SECURITY DEFINER functions could not tell who called them from within
// another such function.
#include <initializer_list>

#include "backfill/feed_request.h"
#include "capture/place.h"
#include "catalog/captured_table.h"
#include "catalog/consumer.h"
#include "catalog/declaration_json.h"
#include "catalog/replica_identity.h"
#include "catalog/stored_consumer.h"
#include "filter/filter.h"
#include "pg/table.h"
#include "pg/version.h"
#include "queue/queue_locks.h"
#include "stream/stream.h"
#include "wake/wake.h"

namespace sequin {
namespace {

// Arguments of create_consumer and alter_consumer, in their order.
enum Argument {
  kName,
  kTables,
  kActionsArgument,
  kFilter,
  kPushUrl,
  kGroupColumns,
  kVisibilityTimeout,
  kMaxDeliver,
  kBackoffBase,
  kBackoffMax,
  kMaxInFlight,
  kPushBatchSize,
  kPushTimeout,
  kPushHeaders,
  kAnnotations,
  kStatus,
  kColumns,
  kExcludeColumns,
  kTableOptions,
  kNumberFormat,
  kPublishViaPartitionRoot,
  kIncludeChildren,
  kFilterTransition,
  kFillUnchanged,
  kMessagePrefixes,
  kOrderMode,
  kBackoff,
  kMode,
  kKeyPattern,
  kRetainTime,
  kRetainBytes,
  kStream,  // of create_consumer only, as all that follow
  kStart,
};

constexpr int32 kPushMaxDeliver = 12;

class Arguments {
 public:
  explicit Arguments(FunctionCallInfo call) : call_(call) {}

  bool Has(Argument argument) const {
    return argument < call_->nargs && !call_->args[argument].isnull;
  }
  Datum Get(Argument argument) const { return call_->args[argument].value; }

  void Text(Argument argument, const char** field) const {
    if (Has(argument)) *field = TextDatumGetCString(Get(argument));
  }
  void Texts(Argument argument, const char* name, TextList* field) const {
    if (Has(argument)) *field = TextListOf(Get(argument), name);
  }
  void Int4(Argument argument, int32* field) const {
    if (Has(argument)) *field = DatumGetInt32(Get(argument));
  }
  void Bool(Argument argument, bool* field) const {
    if (Has(argument)) *field = DatumGetBool(Get(argument));
  }
  void Milliseconds(Argument argument, int64* field) const {
    if (Has(argument)) *field = MillisecondsOf(DatumGetIntervalP(Get(argument)));
  }
  void MillisecondsEach(Argument argument, const char* name, MillisecondsList* field) const {
    if (Has(argument)) *field = MillisecondsListOf(Get(argument), name);
  }
  void Json(Argument argument, Jsonb** field) const {
    if (Has(argument)) *field = DatumGetJsonbP(Get(argument));
  }
  // What is captured, from where, and where it goes to.
  bool ChangesWhatIsSent() const {
    return ChangesRouting() || Has(kPushUrl) || Has(kPushHeaders) || Has(kAnnotations) ||
           Has(kFillUnchanged);
  }
  bool ChangesRouting() const {
    for (Argument argument :
         {kTables, kActionsArgument, kFilter, kGroupColumns, kColumns, kExcludeColumns,
          kTableOptions, kNumberFormat, kPublishViaPartitionRoot, kIncludeChildren,
          kFilterTransition, kMessagePrefixes, kMode, kKeyPattern}) {
      if (Has(argument)) return true;
    }
    return false;
  }

 private:
  FunctionCallInfo call_;
};

const char* NameArgument(FunctionCallInfo call) {
  if (call->args[kName].isnull) {
    ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("name must not be NULL"));
  }
  return TextDatumGetCString(call->args[kName].value);
}

void RefuseTwoBackoffs(const Arguments& arguments, const Declaration& declaration) {
  if (declaration.backoff_ms.count == 0) return;
  if (!arguments.Has(kBackoffBase) && !arguments.Has(kBackoffMax)) return;
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("a consumer has either backoff or backoff_base and backoff_max"),
          errhint("backoff => '{}' removes the list."));
}

void Overlay(const Arguments& arguments, Declaration* declaration) {
  arguments.Texts(kTables, "tables", &declaration->tables);
  arguments.Texts(kActionsArgument, "actions", &declaration->actions);
  arguments.Text(kFilter, &declaration->filter);
  if (declaration->filter != nullptr && *declaration->filter == '\0') {
    declaration->filter = nullptr;
  }
  arguments.Text(kPushUrl, &declaration->push_url);
  arguments.Texts(kGroupColumns, "group_columns", &declaration->group_columns);
  declaration->custom_group |= arguments.Has(kGroupColumns);
  arguments.Milliseconds(kVisibilityTimeout, &declaration->visibility_timeout_ms);
  arguments.Int4(kMaxDeliver, &declaration->max_deliver);
  arguments.Milliseconds(kBackoffBase, &declaration->backoff_base_ms);
  arguments.Milliseconds(kBackoffMax, &declaration->backoff_max_ms);
  arguments.Int4(kMaxInFlight, &declaration->max_in_flight);
  arguments.Int4(kPushBatchSize, &declaration->push_batch_size);
  arguments.Milliseconds(kPushTimeout, &declaration->push_timeout_ms);
  arguments.Json(kPushHeaders, &declaration->push_headers);
  arguments.Json(kAnnotations, &declaration->annotations);
  arguments.Text(kStatus, &declaration->status);
  arguments.Texts(kColumns, "columns", &declaration->columns);
  arguments.Texts(kExcludeColumns, "exclude_columns", &declaration->exclude_columns);
  arguments.Json(kTableOptions, &declaration->table_options);
  arguments.Text(kNumberFormat, &declaration->number_format);
  arguments.Bool(kPublishViaPartitionRoot, &declaration->publish_via_partition_root);
  arguments.Bool(kIncludeChildren, &declaration->include_children);
  arguments.Text(kFilterTransition, &declaration->filter_transition);
  arguments.Bool(kFillUnchanged, &declaration->fill_unchanged);
  arguments.Texts(kMessagePrefixes, "message_prefixes", &declaration->message_prefixes);
  arguments.Text(kOrderMode, &declaration->order_mode);
  arguments.MillisecondsEach(kBackoff, "backoff", &declaration->backoff_ms);
  RefuseTwoBackoffs(arguments, *declaration);
  arguments.Text(kMode, &declaration->mode);
  arguments.Text(kKeyPattern, &declaration->key_pattern);
  arguments.Milliseconds(kRetainTime, &declaration->retain_ms);
  if (arguments.Has(kRetainBytes)) {
    declaration->retain_bytes = DatumGetInt64(arguments.Get(kRetainBytes));
  }
}

Jsonb* EmptyObject() {
  return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
}

TextList ListOf(std::initializer_list<const char*> items) {
  TextList list{static_cast<const char**>(palloc(sizeof(char*) * items.size())), 0};
  for (const char* item : items) list.items[list.count++] = item;
  return list;
}

// The defaults of create_consumer, also for arguments given as NULL.
Declaration Defaults(const char* name, bool push) {
  Declaration declaration{};
  declaration.name = name;
  declaration.tables = ListOf({"*"});
  declaration.actions = ListOf({"insert", "update", "delete", "truncate"});
  declaration.visibility_timeout_ms = 30'000;
  declaration.max_deliver = push ? kPushMaxDeliver : 0;
  declaration.backoff_base_ms = 5'000;
  declaration.backoff_max_ms = 86'400'000;
  declaration.push_batch_size = 1;
  declaration.push_timeout_ms = 30'000;
  declaration.push_headers = EmptyObject();
  declaration.annotations = EmptyObject();
  declaration.status = "active";
  declaration.table_options = EmptyObject();
  declaration.number_format = "standard";
  declaration.publish_via_partition_root = true;
  declaration.filter_transition = "update";
  declaration.order_mode = "group";
  declaration.mode = "all";
  return declaration;
}

// A stream takes the place of the tables.
void OverlayStream(const Arguments& arguments, Declaration* declaration) {
  if (!arguments.Has(kStream)) return;
  Stream stream = FindStream(TextView(arguments.Get(kStream)), StreamUse::kRead);
  declaration->stream = stream.id;
  if (declaration->key_pattern == nullptr) declaration->key_pattern = ">";
  if (declaration->tables.count == 1 && strcmp(declaration->tables.items[0], "*") == 0) {
    declaration->tables.count = 0;
  }
  if (!arguments.Has(kMode) && stream.one_message_per_key) declaration->mode = "latest";
}

void RefuseDuplicate(const char* name) {
  if (!ConsumerExists(name)) return;
  ereport(ERROR, errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("consumer \"%s\" already exists", name),
          errhint("Use sequin.alter_consumer to change it."));
}

bool StartsAtBeginning(const Arguments& arguments, const Declaration& declaration) {
  const char* start = "now";
  arguments.Text(kStart, &start);
  if (strcmp(start, "now") == 0) return false;
  if (strcmp(start, "beginning") != 0) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("start must be now or beginning, not \"%s\"", start));
  }
  // Consumers of streams always begin with what is there.
  return declaration.stream == 0;
}

// Those that the owner may not read are left out: they are not captured either. `ids` gets them.
void BackfillTables(int32 consumer, Oid owner, const Declaration& declaration, const char* filter,
                    Vec<Datum>* ids) {
  auto count = static_cast<size_t>(declaration.tables.count);
  auto* patterns = NewArray<TablePattern>(CurrentMemoryContext, count);
  for (size_t i = 0; i < count; i++) ParseTablePattern(declaration.tables.items[i], &patterns[i]);
  List* tables = NIL;
  List* below = NIL;  // read with the table that they inherit from
  ForEachCapturedTable({patterns, count}, Children::kLeaveOut, owner, [&](Oid table) {
    tables = lappend_oid(tables, table);
    if (!declaration.include_children) return;
    List* family = find_all_inheritors(table, NoLock, nullptr);
    below = list_concat(below, list_delete_oid(family, table));
  });
  ListCell* cell;
  foreach (cell, tables) {
    if (!list_member_oid(below, lfirst_oid(cell))) {
      pg_uuid_t* id = RequestWholeBackfill(consumer, lfirst_oid(cell), filter);
      if (ids != nullptr) ids->push(UUIDPGetDatum(id));
    }
  }
}

void BackfillNewConsumer(const char* name, const Declaration& declaration) {
  CommandCounterIncrement();
  int32 consumer = FindConsumer(name, ConsumerUse::kOwn)->id;
  BackfillTables(consumer, GetUserId(), declaration, nullptr, nullptr);
}

// consumer, filter: backfills of all its tables. For sequin.recover, which looks who may.
Datum BackfillAgain(FunctionCallInfo call) {
  int32 id = DatumGetInt32(call->args[0].value);
  const char* filter = call->args[1].isnull ? nullptr : TextDatumGetCString(call->args[1].value);
  Consumer* consumer = FindConsumerById(id, ConsumerUse::kOwn);
  Vec<Datum> ids{};
  Declaration declaration = LoadDeclaration(id);
  if (declaration.stream == 0) {
    BackfillTables(id, consumer->owner, declaration, filter, &ids);
  }
  return PointerGetDatum(construct_array(ids.data, static_cast<int>(ids.count), UUIDOID, UUID_LEN,
                                         false, TYPALIGN_CHAR));
}

pg_uuid_t* CreateConsumer(FunctionCallInfo call) {
  const char* name = NameArgument(call);
  Arguments arguments(call);
  CheckConsumerName(name);
  Declaration declaration = Defaults(name, arguments.Has(kPushUrl));
  Overlay(arguments, &declaration);
  OverlayStream(arguments, &declaration);
  CheckDeclaration(&declaration);
  bool from_beginning = StartsAtBeginning(arguments, declaration);
  RefuseDuplicate(name);
  CheckDeclaredTables(declaration, GetUserId());
  EnsureCapture();
  LockDeclarations();
  RefuseDuplicate(name);
  pg_uuid_t* uuid = InsertConsumer(declaration, GetUserId());
  if (from_beginning) BackfillNewConsumer(name, declaration);
  WakeDefinitionsAtCommit();
  return uuid;
}

void RequireSameKind(const Declaration& declaration, const Arguments& arguments) {
  if (declaration.push_url != nullptr || !arguments.Has(kPushUrl)) return;
  ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
          errmsg("consumer \"%s\" is a pull consumer", declaration.name),
          errhint("A consumer keeps its kind: create another one with a push_url."));
}

void AlterConsumer(FunctionCallInfo call) {
  Arguments arguments(call);
  const char* name = NameArgument(call);
  bool activate = arguments.Has(kStatus) && TextView(arguments.Get(kStatus)) == "active";
  if (activate && !FindConsumer(name, ConsumerUse::kManage)->at_home) EnsureCapture();
  LockDeclarations();
  bool what = arguments.ChangesWhatIsSent();
  Consumer* consumer = FindConsumer(name, what ? ConsumerUse::kOwn : ConsumerUse::kManage);
  Declaration declaration = LoadDeclaration(consumer->id);
  RequireSameKind(declaration, arguments);
  Overlay(arguments, &declaration);
  CheckDeclaration(&declaration);
  if (arguments.ChangesRouting()) CheckDeclaredTables(declaration, consumer->owner);
  UpdateConsumer(consumer->id, declaration, activate);
  bool no_filters = declaration.filter == nullptr && JB_ROOT_COUNT(declaration.table_options) == 0;
  if (activate || no_filters) EndSuspension(consumer->id);
  WakeDefinitionsAtCommit();
  WakeConsumerAtCommit(consumer->id);
}

// ---- rename ------------------------------------------------------------------------------------

void Rename(FunctionCallInfo call) {
  const char* name = NameArgument(call);
  if (call->args[1].isnull) {
    ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("new_name must not be NULL"));
  }
  const char* new_name = TextDatumGetCString(call->args[1].value);
  CheckConsumerName(new_name);
  LockDeclarations();
  Consumer* consumer = FindConsumer(name, ConsumerUse::kManage);
  if (strcmp(consumer->name, new_name) == 0) return;
  if (ConsumerExists(new_name)) {
    ereport(ERROR, errcode(ERRCODE_DUPLICATE_OBJECT),
            errmsg("consumer \"%s\" already exists", new_name));
  }
  RenameConsumer(consumer->id, new_name);
  WakeDefinitionsAtCommit();
}

// ---- declarations as JSON ----------------------------------------------------------------------

struct SyncResult {
  const char* action;
  TextList changed;
};

const char* StreamNameOf(const Declaration& declaration) {
  Stream stream;
  if (declaration.stream == 0 || !FindStreamById(declaration.stream, &stream)) return nullptr;
  return pstrdup(stream.name);
}

// Names of members that are not the same in both.
TextList Differences(const Declaration& before, const Declaration& after) {
  Vec<DeclarationMember> left = MembersOf(before, StreamNameOf(before));
  Vec<DeclarationMember> right = MembersOf(after, StreamNameOf(after));
  TextList names{static_cast<const char**>(palloc(sizeof(char*) * (left.count + right.count + 1))),
                 0};
  auto find = [](const Vec<DeclarationMember>& members, const char* name) -> const char* {
    for (size_t i = 0; i < members.count; i++) {
      if (strcmp(members[i].name, name) == 0) return members[i].json;
    }
    return nullptr;
  };
  for (size_t i = 0; i < left.count; i++) {
    const char* other = find(right, left[i].name);
    if (other == nullptr || strcmp(other, left[i].json) != 0) {
      names.items[names.count++] = left[i].name;
    }
  }
  for (size_t i = 0; i < right.count; i++) {
    if (find(left, right[i].name) == nullptr) names.items[names.count++] = right[i].name;
  }
  return names;
}

void RequireSameSource(const Declaration& stored, const Declaration& wanted) {
  const char* what = nullptr;
  if ((stored.push_url == nullptr) != (wanted.push_url == nullptr)) {
    what = stored.push_url == nullptr ? "is a pull consumer" : "is a push consumer";
  }
  if (stored.stream != wanted.stream) what = "has another source";
  if (what == nullptr) return;
  ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
          errmsg("consumer \"%s\" %s", stored.name, what),
          errhint("A consumer keeps its kind: drop it, or take another name."));
}

// Makes a consumer exactly what the arguments of create_consumer say; only its status stays when
// they say nothing about it, for it may have been paused by an operator.
SyncResult SyncExisting(FunctionCallInfo call, const Arguments& arguments, const char* name) {
  bool activate = arguments.Has(kStatus) && TextView(arguments.Get(kStatus)) == "active";
  bool at_home = FindConsumer(name, ConsumerUse::kOwn)->at_home;
  if (activate && !at_home) EnsureCapture();
  LockDeclarations();
  Consumer* consumer = FindConsumer(name, ConsumerUse::kOwn);
  Declaration stored = LoadDeclaration(consumer->id);
  Declaration wanted = Defaults(consumer->name, arguments.Has(kPushUrl));
  wanted.status = stored.status;
  Overlay(arguments, &wanted);
  OverlayStream(arguments, &wanted);
  RequireSameSource(stored, wanted);
  CheckDeclaration(&wanted);
  SyncResult result{"unchanged", Differences(stored, wanted)};
  if (result.changed.count == 0 && (at_home || !activate)) return result;
  CheckDeclaredTables(wanted, consumer->owner);
  UpdateConsumer(consumer->id, wanted, activate);
  bool no_filters = wanted.filter == nullptr && JB_ROOT_COUNT(wanted.table_options) == 0;
  if (activate || no_filters) EndSuspension(consumer->id);
  WakeDefinitionsAtCommit();
  WakeConsumerAtCommit(consumer->id);
  result.action = "altered";
  return result;
}

SyncResult SyncConsumer(const Jsonb* object) {
  if (!JB_ROOT_IS_OBJECT(object)) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("the declaration of a consumer must be a JSON object"));
  }
  LOCAL_FCINFO(call, FUNC_MAX_ARGS);
  InitFunctionCallInfoData(*call, nullptr, 0, InvalidOid, nullptr, nullptr);
  ArgumentsFromJson(object, CreateConsumerOid(), call);
  Arguments arguments(call);
  const char* name = NameArgument(call);
  if (ConsumerExists(name)) return SyncExisting(call, arguments, name);
  CreateConsumer(call);
  return {"created", TextList{nullptr, 0}};
}

Datum ConsumerDefinition(FunctionCallInfo call) {
  Consumer* consumer = FindConsumer(NameArgument(call), ConsumerUse::kOwn);
  Declaration declaration = LoadDeclaration(consumer->id);
  StringInfoData out;
  initStringInfo(&out);
  Vec<DeclarationMember> members = MembersOf(declaration, StreamNameOf(declaration));
  for (size_t i = 0; i < members.count; i++) {
    appendStringInfo(&out, "%c\"%s\":%s", i > 0 ? ',' : '{', members[i].name, members[i].json);
  }
  appendStringInfoChar(&out, '}');
  return DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data));
}

void DropConsumer(FunctionCallInfo call) {
  LockDeclarations();
  Consumer* consumer = FindConsumer(NameArgument(call), ConsumerUse::kManage);
  LockConsumer(consumer->id, true);  // until commit: no claim comes between
  DeleteConsumer(consumer->id);
  WakeDefinitionsAtCommit();
  WakeConsumerAtCommit(consumer->id);
}

Oid RoleArgument(FunctionCallInfo call) {
  Oid role = call->args[1].isnull ? InvalidOid : DatumGetObjectId(call->args[1].value);
  if (!OidIsValid(role)) {
    ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("role must not be NULL"));
  }
  GetUserNameFromId(role, false);  // a number is not checked by regrole
  return role;
}

uint32 MaskOfActions(FunctionCallInfo call) {
  Declaration declaration = Defaults("explain", false);
  if (!call->args[2].isnull) declaration.actions = TextListOf(call->args[2].value, "actions");
  CheckDeclaration(&declaration);
  return declaration.action_mask;
}

// Rights as for a consumer of this table: the filter's constants may not be used to ask questions
// about a table that the caller cannot read.
Datum ExplainFilter(FunctionCallInfo call) {
  Relation table = relation_open(DatumGetObjectId(call->args[0].value), AccessShareLock);
  TablePattern pattern;
  ParseTablePattern(QualifiedName(RelationGetRelid(table)), &pattern);
  CapturedTable(pattern, GetUserId());
  FilterReport report = CheckFilter(table, InvalidOid, TextDatumGetCString(call->args[1].value),
                                    MaskOfActions(call), GetUserId());
  relation_close(table, AccessShareLock);
  TupleDesc descriptor;
  if (get_call_result_type(call, nullptr, &descriptor) != TYPEFUNC_COMPOSITE) {
    elog(ERROR, "return type must be a row type");
  }
  bool late = report.tier == FilterTier::kClaim;
  Datum values[2] = {CStringGetTextDatum(late ? "claim" : "decode"),
                     late ? CStringGetTextDatum(report.reason) : Datum{0}};
  bool nulls[2] = {false, !late};
  return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

}  // namespace
}  // namespace sequin

using namespace sequin;

extern "C" {

PG_FUNCTION_INFO_V1(sequin_create_consumer);
Datum sequin_create_consumer(PG_FUNCTION_ARGS) {
  PG_RETURN_UUID_P(CreateConsumer(fcinfo));
}

PG_FUNCTION_INFO_V1(sequin_alter_consumer);
Datum sequin_alter_consumer(PG_FUNCTION_ARGS) {
  AlterConsumer(fcinfo);
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_rename_consumer);
Datum sequin_rename_consumer(PG_FUNCTION_ARGS) {
  Rename(fcinfo);
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_sync_consumer);
Datum sequin_sync_consumer(PG_FUNCTION_ARGS) {
  SyncResult synced = SyncConsumer(PG_GETARG_JSONB_P(0));
  TupleDesc descriptor;
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE) {
    elog(ERROR, "return type must be a row type");
  }
  Datum values[2] = {CStringGetTextDatum(synced.action), TextArrayDatum(synced.changed)};
  bool nulls[2] = {};
  return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

PG_FUNCTION_INFO_V1(sequin_consumer_definition);
Datum sequin_consumer_definition(PG_FUNCTION_ARGS) {
  return ConsumerDefinition(fcinfo);
}

PG_FUNCTION_INFO_V1(sequin_drop_consumer);
Datum sequin_drop_consumer(PG_FUNCTION_ARGS) {
  DropConsumer(fcinfo);
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_grant_consumer);
Datum sequin_grant_consumer(PG_FUNCTION_ARGS) {
  Consumer* consumer = FindConsumer(NameArgument(fcinfo), ConsumerUse::kOwn);
  InsertGrantee(consumer->id, RoleArgument(fcinfo));
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_revoke_consumer);
Datum sequin_revoke_consumer(PG_FUNCTION_ARGS) {
  Consumer* consumer = FindConsumer(NameArgument(fcinfo), ConsumerUse::kOwn);
  DeleteGrantee(consumer->id, RoleArgument(fcinfo));
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_home);
Datum sequin_home(PG_FUNCTION_ARGS) {
  RequireVersion();  // the views, and the agent, say it by this
  PG_RETURN_TEXT_P(cstring_to_text(Home()));
}

PG_FUNCTION_INFO_V1(sequin_is_home);
Datum sequin_is_home(PG_FUNCTION_ARGS) {
  PG_RETURN_BOOL(IsHome(TextView(PG_GETARG_DATUM(0))));
}

PG_FUNCTION_INFO_V1(sequin_backfill_again);
Datum sequin_backfill_again(PG_FUNCTION_ARGS) {
  return BackfillAgain(fcinfo);
}

PG_FUNCTION_INFO_V1(sequin_explain_filter);
Datum sequin_explain_filter(PG_FUNCTION_ARGS) {
  return ExplainFilter(fcinfo);
}

}  // extern "C"
