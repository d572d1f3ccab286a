// Declarations as JSON (declaration_json.h).
#include "catalog/declaration_json.h"

#include "pg/table.h"

namespace sequin {
namespace {

// ---- from JSON ---------------------------------------------------------------------------------

struct Parameters {
  int count;
  Oid* types;
  char** names;
};

Parameters ParametersOf(Oid function) {
  HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for function %u", function);
  Parameters parameters{};
  char* modes;
  get_func_arg_info(tuple, &parameters.types, &parameters.names, &modes);
  parameters.count = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->pronargs;
  ReleaseSysCache(tuple);
  return parameters;
}

// The one that was probably meant; nullptr: none is near.
const char* Nearest(const Parameters& parameters, const char* name) {
  const char* nearest = nullptr;
  int best = 4;
  int size = static_cast<int>(strlen(name));
  for (int i = 0; i < parameters.count; i++) {
    const char* other = parameters.names[i];
    int distance = varstr_levenshtein_less_equal(name, Min(size, 100), other,
                                                 static_cast<int>(strlen(other)), 1, 1, 1, 4, true);
    if (distance >= best) continue;
    best = distance;
    nearest = other;
  }
  return nearest;
}

int FindParameter(const Parameters& parameters, const char* name) {
  for (int i = 0; i < parameters.count; i++) {
    if (strcmp(parameters.names[i], name) == 0) return i;
  }
  const char* nearest = Nearest(parameters, name);
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("\"%s\" is not a member of the declaration of a consumer", name),
          nearest ? errhint("Did you mean \"%s\"?", nearest)
                  : errhint("Members are the arguments of sequin.create_consumer."));
  return -1;
}

[[noreturn]] void RefuseType(const char* name, const char* wanted) {
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("\"%s\" in the declaration of a consumer must be %s", name, wanted));
  pg_unreachable();
}

const char* WantedOf(Oid type) {
  switch (type) {
    case BOOLOID:
      return "true or false";
    case INT4OID:
    case INT8OID:
      return "a number";
    case INTERVALOID:
      return "an interval as a string, such as \"30 s\"";
    default:
      return "a string";
  }
}

// As the input function of the type reads it.
Datum Scalar(const char* name, const JsonbValue& value, Oid type) {
  char* text = nullptr;
  bool number = type == INT4OID || type == INT8OID;
  if (value.type == jbvBool && type == BOOLOID) return BoolGetDatum(value.val.boolean);
  if (value.type == jbvNumeric && number) {
    text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
  } else if (value.type == jbvString && type != BOOLOID && !number) {
    text = pnstrdup(value.val.string.val, static_cast<Size>(value.val.string.len));
  } else {
    RefuseType(name, WantedOf(type));
  }
  Oid input, io_parameter;
  getTypeInputInfo(type, &input, &io_parameter);
  return OidInputFunctionCall(input, text, io_parameter, -1);
}

Datum ListFromJson(const char* name, const JsonbValue& value, Oid element_type) {
  bool array = value.type == jbvBinary && JsonContainerIsArray(value.val.binary.data) &&
               !JsonContainerIsScalar(value.val.binary.data);
  if (!array) RefuseType(name, "an array");
  JsonbContainer* container = value.val.binary.data;
  int count = static_cast<int>(JsonContainerSize(container));
  auto* elements = NewArray<Datum>(CurrentMemoryContext, static_cast<size_t>(count));
  for (int i = 0; i < count; i++) {
    JsonbValue* element = getIthJsonbValueFromContainer(container, static_cast<uint32>(i));
    elements[i] = Scalar(name, *element, element_type);
  }
  int16 length;
  bool by_value;
  char alignment;
  get_typlenbyvalalign(element_type, &length, &by_value, &alignment);
  return PointerGetDatum(
      construct_array(elements, count, element_type, length, by_value, alignment));
}

Datum ValueFromJson(const char* name, JsonbValue* value, Oid type) {
  if (type == JSONBOID) return JsonbPGetDatum(JsonbValueToJsonb(value));
  Oid element_type = get_element_type(type);
  return OidIsValid(element_type) ? ListFromJson(name, *value, element_type)
                                  : Scalar(name, *value, type);
}

// ---- to JSON -----------------------------------------------------------------------------------

class Members {
 public:
  Members() { list_.context = CurrentMemoryContext; }

  void Text(const char* name, const char* text) {
    if (text != nullptr) Add(name, Quoted(text));
  }
  void Texts(const char* name, const TextList& list) {
    StringInfoData out;
    initStringInfo(&out);
    for (const char* item : list) appendStringInfo(&out, "%c%s", Comma(out), Quoted(item));
    AddArray(name, &out);
  }
  void Number(const char* name, int64 number) { Add(name, psprintf(INT64_FORMAT, number)); }
  void Bool(const char* name, bool value) { Add(name, value ? "true" : "false"); }
  void Time(const char* name, int64 ms) { Add(name, psprintf("\"" INT64_FORMAT " ms\"", ms)); }
  void Times(const char* name, const MillisecondsList& list) {
    StringInfoData out;
    initStringInfo(&out);
    for (int i = 0; i < list.count; i++) {
      appendStringInfo(&out, "%c\"" INT64_FORMAT " ms\"", Comma(out), list.items[i]);
    }
    AddArray(name, &out);
  }
  void Json(const char* name, Jsonb* json) {
    Add(name, JsonbToCString(nullptr, &json->root, static_cast<int>(VARSIZE(json))));
  }
  const Vec<DeclarationMember>& list() const { return list_; }

 private:
  static char Comma(const StringInfoData& out) { return out.len > 0 ? ',' : '['; }
  static const char* Quoted(const char* text) {
    StringInfoData out;
    initStringInfo(&out);
    escape_json(&out, text);
    return out.data;
  }
  void AddArray(const char* name, StringInfo out) {
    Add(name, out->len > 0 ? psprintf("%s]", out->data) : "[]");
  }
  void Add(const char* name, const char* json) { list_.push({name, json}); }

  Vec<DeclarationMember> list_;
};

}  // namespace

Oid CreateConsumerOid() {
  List* name = list_make2(makeString(pstrdup("sequin")), makeString(pstrdup("create_consumer")));
  return LookupFuncName(name, -1, nullptr, false);
}

void ArgumentsFromJson(const Jsonb* object, Oid function, FunctionCallInfo call) {
  Parameters parameters = ParametersOf(function);
  call->nargs = static_cast<int16>(parameters.count);
  for (int i = 0; i < parameters.count; i++) call->args[i] = {Datum{0}, true};
  JsonbIterator* iterator = JsonbIteratorInit(const_cast<JsonbContainer*>(&object->root));
  JsonbValue item;
  JsonbIteratorToken token;
  int at = -1;
  while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE) {
    if (token == WJB_KEY) {
      at = FindParameter(parameters,
                         pnstrdup(item.val.string.val, static_cast<Size>(item.val.string.len)));
    }
    if (token != WJB_VALUE || item.type == jbvNull) continue;
    call->args[at] = {ValueFromJson(parameters.names[at], &item, parameters.types[at]), false};
  }
}

Vec<DeclarationMember> MembersOf(const Declaration& declaration, const char* stream) {
  Members members;
  members.Text("name", declaration.name);
  members.Text("stream", stream);
  if (stream == nullptr) members.Texts("tables", declaration.tables);
  members.Texts("actions", declaration.actions);
  members.Text("filter", declaration.filter);
  members.Text("key_pattern", declaration.key_pattern);
  members.Text("mode", declaration.mode);
  members.Text("push_url", declaration.push_url);
  if (declaration.custom_group) members.Texts("group_columns", declaration.group_columns);
  members.Text("order_mode", declaration.order_mode);
  members.Time("visibility_timeout", declaration.visibility_timeout_ms);
  members.Number("max_deliver", declaration.max_deliver);
  if (declaration.backoff_ms.count > 0) {
    members.Times("backoff", declaration.backoff_ms);
  } else {
    members.Time("backoff_base", declaration.backoff_base_ms);
    members.Time("backoff_max", declaration.backoff_max_ms);
  }
  members.Number("max_in_flight", declaration.max_in_flight);
  if (declaration.push_url != nullptr) {
    members.Number("push_batch_size", declaration.push_batch_size);
    members.Time("push_timeout", declaration.push_timeout_ms);
    members.Json("push_headers", declaration.push_headers);
  }
  members.Json("annotations", declaration.annotations);
  members.Text("status", declaration.status);
  members.Texts("columns", declaration.columns);
  members.Texts("exclude_columns", declaration.exclude_columns);
  members.Json("table_options", declaration.table_options);
  members.Text("number_format", declaration.number_format);
  members.Bool("publish_via_partition_root", declaration.publish_via_partition_root);
  members.Bool("include_children", declaration.include_children);
  members.Text("filter_transition", declaration.filter_transition);
  members.Bool("fill_unchanged", declaration.fill_unchanged);
  members.Texts("message_prefixes", declaration.message_prefixes);
  return members.list();
}

}  // namespace sequin
