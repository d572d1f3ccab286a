// The consumer definitions in force (routing.h).
#include "decode/routing.h"

#include "change/value_json.h"
#include "pg/transaction.h"

namespace sequin {

void Routing::Init(MemoryContext parent) {
  context_ = NewContext(parent, "sequin routing");
  definitions_ = Vec<Definition*>{};
  definitions_.context = context_;
  generation_ = 1;
}

// ---- reading the definition text ---------------------------------------------------------------

static JsonbValue* Member(JsonbContainer* object, const char* name, JsonbValue* room) {
  JsonbValue* value =
      getKeyJsonValueFromContainer(object, name, static_cast<int>(strlen(name)), room);
  return value == nullptr || value->type == jbvNull ? nullptr : value;
}

static const char* StringOf(const JsonbValue* value) {
  if (value->type != jbvString) elog(ERROR, "sequin.routing holds a damaged definition");
  return pnstrdup(value->val.string.val, static_cast<Size>(value->val.string.len));
}

static int32 IntegerOf(const JsonbValue* value) {
  if (value->type != jbvNumeric) elog(ERROR, "sequin.routing holds a damaged definition");
  Datum wide = DirectFunctionCall1(numeric_int8, NumericGetDatum(value->val.numeric));
  return static_cast<int32>(static_cast<uint32>(DatumGetInt64(wide)));
}

static TextList StringsOf(const JsonbValue* value) {
  if (value->type != jbvBinary) elog(ERROR, "sequin.routing holds a damaged definition");
  JsonbContainer* array = value->val.binary.data;
  uint32 size = JsonContainerSize(array);
  TextList list{static_cast<const char**>(palloc(sizeof(char*) * (size + 1))), 0};
  for (uint32 i = 0; i < size; i++) {
    list.items[list.count++] = StringOf(getIthJsonbValueFromContainer(array, i));
  }
  return list;
}

static uint32 ActionsOf(const TextList& names) {
  uint32 mask = 0;
  for (const char* name : names) {
    if (strcmp(name, "insert") == 0) mask |= kInsert;
    if (strcmp(name, "update") == 0) mask |= kUpdate;
    if (strcmp(name, "delete") == 0) mask |= kDelete;
    if (strcmp(name, "truncate") == 0) mask |= kTruncate;
  }
  return mask;
}

static bool Says(JsonbContainer* root, const char* name, const char* word) {
  JsonbValue room;
  JsonbValue* value = Member(root, name, &room);
  return value != nullptr && value->type == jbvString &&
         std::string_view(value->val.string.val, value->val.string.len) == word;
}

static bool SaysBool(JsonbContainer* root, const char* name, bool otherwise) {
  JsonbValue room;
  JsonbValue* value = Member(root, name, &room);
  return value != nullptr && value->type == jbvBool ? value->val.boolean : otherwise;
}

static TextList StringsIn(JsonbContainer* root, const char* name) {
  JsonbValue room;
  JsonbValue* value = Member(root, name, &room);
  return value == nullptr ? TextList{} : StringsOf(value);
}

static void ReadChoice(TableChoice* choice, JsonbContainer* root) {
  JsonbValue room;
  if (JsonbValue* value = Member(root, "filter", &room)) choice->filter = StringOf(value);
  choice->custom_group = Member(root, "group_columns", &room) != nullptr;
  choice->group_columns = StringsIn(root, "group_columns");
  choice->columns = StringsIn(root, "columns");
  choice->exclude_columns = StringsIn(root, "exclude_columns");
}

static StreamSource ReadStreamSource(JsonbContainer* root) {
  StreamSource source{};
  JsonbValue room;
  if (JsonbValue* value = Member(root, "stream", &room)) source.stream = IntegerOf(value);
  if (JsonbValue* value = Member(root, "key_pattern", &room)) source.key_pattern = StringOf(value);
  return source;
}

static Jsonb* ParseDefinition(const char* text) {
  return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}

StreamSource StreamSourceOf(const char* definition_json) {
  return ReadStreamSource(&ParseDefinition(definition_json)->root);
}

// Members that are missing were written before there was such a column: they have its default.
static void ReadDefinition(Definition* definition, const char* text) {
  JsonbContainer* root = &ParseDefinition(text)->root;
  StreamSource source = ReadStreamSource(root);
  definition->stream = source.stream;
  definition->key_pattern = source.key_pattern;
  definition->latest = Says(root, "mode", "latest");
  JsonbValue room;
  if (JsonbValue* value = Member(root, "owner", &room)) {
    definition->owner = static_cast<Oid>(IntegerOf(value));
  }
  definition->tables = StringsIn(root, "tables");
  definition->actions = ActionsOf(StringsIn(root, "actions"));
  ReadChoice(&definition->choice, root);
  JsonbValue* options = Member(root, "table_options", &room);
  if (options != nullptr && options->type == jbvBinary) {
    definition->options = ReadTableOptions(options->val.binary.data);
  }
  definition->number_format = Says(root, "number_format", "number")   ? NumberFormat::kNumber
                              : Says(root, "number_format", "string") ? NumberFormat::kString
                                                                      : NumberFormat::kStandard;
  definition->partition_name = SaysBool(root, "publish_via_partition_root", true)
                                   ? PartitionName::kRoot
                                   : PartitionName::kOwn;
  definition->transition = Says(root, "filter_transition", "insert_delete")
                               ? Transition::kInsertDelete
                               : Transition::kUpdate;
  definition->include_children = SaysBool(root, "include_children", false);
  definition->message_prefixes = StringsIn(root, "message_prefixes");
}

bool WantsMessages(const Definition* definition, std::string_view prefix) {
  for (std::string_view wanted : definition->message_prefixes) {
    if (wanted.ends_with('*') ? prefix.starts_with(wanted.substr(0, wanted.size() - 1))
                              : prefix == wanted) {
      return true;
    }
  }
  return false;
}

size_t Routing::PositionOf(int32 consumer) const {
  size_t i = 0;
  while (i < definitions_.count && definitions_[i]->consumer < consumer) i++;
  return i;
}

static uint64 filter_generation = 1;

uint64 FilterGeneration() {
  return filter_generation;
}

void NoteFailedFilter(const Definition* definition) {
  if (!definition->filter_failed) filter_generation++;
  definition->filter_failed = true;
}

void TurnFilterOff(const Definition* definition) {
  if (!definition->filter_off) filter_generation++;
  definition->filter_off = true;
}

void Routing::Changed() {
  generation_++;
  any_messages_ = false;
  for (const Definition* definition : definitions_) {
    any_messages_ |= definition->message_prefixes.count > 0;
  }
}

void Routing::Set(int32 consumer, const char* definition_json) {
  MemoryContext context = NewContext(context_, "sequin definition");
  Definition* definition = New<Definition>(context);
  definition->consumer = consumer;
  definition->context = context;
  ErrorData* error = InSubtransaction(
      [&] { InContext(context, [&] { ReadDefinition(definition, definition_json); }); });
  if (error != nullptr) {
    ereport(WARNING,
            errmsg("sequin captures nothing for consumer %d: %s", consumer, error->message),
            errhint("Put its definition right with sequin.alter_consumer."));
    MemoryContextDelete(context);
    Remove(consumer);
    return;
  }

  size_t at = PositionOf(consumer);
  if (at < definitions_.count && definitions_[at]->consumer == consumer) {
    MemoryContextDelete(definitions_[at]->context);
  } else {
    definitions_.push(nullptr);
    for (size_t i = definitions_.count - 1; i > at; i--) definitions_[i] = definitions_[i - 1];
  }
  definitions_[at] = definition;
  Changed();
}

void Routing::Remove(int32 consumer) {
  size_t at = PositionOf(consumer);
  if (at == definitions_.count || definitions_[at]->consumer != consumer) return;
  MemoryContextDelete(definitions_[at]->context);
  for (size_t i = at; i + 1 < definitions_.count; i++) definitions_[i] = definitions_[i + 1];
  definitions_.count--;
  Changed();
}

// ---- writing it --------------------------------------------------------------------------------

// An update that leaves a large filter alone logs only where it is stored, and by now it may be
// gone from there. The old row has it: the table's replica identity is FULL.
static Datum LoggedValue(TupleDesc descriptor, HeapTuple tuple, HeapTuple before, int number,
                         bool* is_null) {
  Datum value = heap_getattr(tuple, number, descriptor, is_null);
  if (*is_null || before == nullptr || TupleDescAttr(descriptor, number - 1)->attlen != -1 ||
      !VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(value))) {
    return value;
  }
  return heap_getattr(before, number, descriptor, is_null);
}

// The owner goes as a number: the name of a role may change without a change of this row.
const char* DefinitionText(TupleDesc descriptor, HeapTuple tuple, HeapTuple before) {
  StringInfoData out;
  initStringInfo(&out);
  appendStringInfoChar(&out, '{');
  for (int i = 0; i < descriptor->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
    if (attribute->attisdropped) continue;
    bool is_null;
    Datum value = LoggedValue(descriptor, tuple, before, i + 1, &is_null);
    if (out.len > 1) appendStringInfoChar(&out, ',');
    AppendJsonString(&out, NameStr(attribute->attname));
    appendStringInfoChar(&out, ':');
    if (is_null) {
      appendStringInfoString(&out, "null");
    } else if (attribute->atttypid == REGROLEOID) {
      appendStringInfo(&out, "%u", DatumGetObjectId(value));
    } else {
      AppendValue(&out,
                  PlanValue(attribute->atttypid, NumberFormat::kStandard, CurrentMemoryContext),
                  value);
    }
  }
  appendStringInfoChar(&out, '}');
  return out.data;
}

int32 ConsumerIdOf(TupleDesc descriptor, HeapTuple tuple) {
  for (int i = 0; i < descriptor->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
    if (attribute->attisdropped || strcmp(NameStr(attribute->attname), "id") != 0) continue;
    bool is_null;
    return DatumGetInt32(heap_getattr(tuple, i + 1, descriptor, &is_null));
  }
  elog(ERROR, "sequin.consumer has no column id");
}

}  // namespace sequin
