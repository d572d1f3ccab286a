// Forms and ranges of a declaration (declaration.h). Tables: declared_tables.cpp.
#include "catalog/declaration.h"

#include "catalog/endpoint_url.h"
#include "change/value_json.h"
#include "filter/filter.h"

namespace sequin {
namespace {

constexpr int64 kSecond = 1000;
constexpr int64 kHour = 3600 * kSecond;
constexpr int64 kDay = 24 * kHour;
constexpr size_t kFilterBytesMax = 16 * 1024;
constexpr int kTablesMax = 1000;
constexpr int kGroupColumnsMax = 32;
constexpr int kPrefixesMax = 100;
constexpr int kBackoffMax = 100;
constexpr int kHeadersMax = 50;
constexpr int kHeaderBytesMax = 8 * 1024;
constexpr int kAnnotationBytesMax = 16 * 1024;
constexpr int kTableOptionsBytesMax = 256 * 1024;
constexpr char kOwnPrefix[] = "sequin:";

struct NamedAction {
  const char* name;
  ActionMask mask;
};
constexpr NamedAction kActions[] = {
    {"insert", kInsert}, {"update", kUpdate}, {"delete", kDelete}, {"truncate", kTruncate}};

// The agent writes these itself, or they belong to the connection.
constexpr const char* kReservedHeaders[] = {"host",
                                            "content-type",
                                            "content-length",
                                            "connection",
                                            "transfer-encoding",
                                            "te",
                                            "trailer",
                                            "upgrade",
                                            "expect",
                                            "keep-alive",
                                            "proxy-connection",
                                            "webhook-id",
                                            "webhook-timestamp",
                                            "webhook-signature"};

// ---- tables and actions ------------------------------------------------------------------------

const char* HintFor(PatternProblem problem) {
  switch (problem) {
    case PatternProblem::kNoSchema:
      return "Write the schema too, as in public.orders.";
    case PatternProblem::kAnySchema:
      return "Name the schema: * stands for all tables of all schemas only when it is alone.";
    case PatternProblem::kTooManyParts:
      return "A table is written as schema.table; the database is the one you are connected to.";
    case PatternProblem::kTooLong:
      return "Names have at most 63 bytes.";
    default:
      return "Write schema.table, schema.* or *; put a name with other characters than letters, "
             "digits and _ in double quotes.";
  }
}

const char* CanonicalPattern(const char* text) {
  TablePattern pattern;
  PatternProblem problem = ParseTablePattern(text, &pattern);
  if (problem != PatternProblem::kNone) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("\"%s\" is not the name of a table or a pattern", text),
            errhint("%s", HintFor(problem)));
  }
  if (pattern.any_schema) return "*";
  const char* schema = quote_identifier(pattern.schema.text);
  return psprintf("%s.%s", schema, pattern.any_table ? "*" : quote_identifier(pattern.table.text));
}

void CheckTables(Declaration* declaration) {
  TextList& tables = declaration->tables;
  // Who asks for messages may want no table at all.
  bool none_is_fine = declaration->message_prefixes.count > 0;
  if ((tables.count == 0 && !none_is_fine) || tables.count > kTablesMax) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("tables must have from 1 to %d elements", kTablesMax),
            errhint("Leave it out, or write {*}, for all tables that you can read; {} is for "
                    "consumers with message_prefixes."));
  }
  for (int i = 0; i < tables.count; i++) tables.items[i] = CanonicalPattern(tables.items[i]);
}

// ---- columns and messages ----------------------------------------------------------------------

template <size_t kCount>
void CheckChoice(const char* argument, const char* text, const char* const (&choices)[kCount]) {
  StringInfoData list;
  initStringInfo(&list);
  for (const char* choice : choices) {
    if (strcmp(text, choice) == 0) return;
    appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", choice);
  }
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("\"%s\" is not a value of %s", text, argument),
          errhint("It can be one of: %s.", list.data));
}

void CheckMessagePrefixes(const TextList& prefixes) {
  if (prefixes.count > kPrefixesMax) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("message_prefixes must not have more than %d elements", kPrefixesMax));
  }
  for (const char* prefix : prefixes) {
    const char* star = strchr(prefix, '*');
    if (strncmp(prefix, kOwnPrefix, strlen(kOwnPrefix)) == 0) {
      ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
              errmsg("\"%s\" cannot be asked for", prefix),
              errdetail("Messages whose prefix begins with \"%s\" speak to Sequin itself.",
                        kOwnPrefix));
    }
    if (*prefix != '\0' && (star == nullptr || star[1] == '\0')) continue;
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("\"%s\" is not a prefix of messages", prefix),
            errhint("Write the prefix as it is, or its beginning followed by one *."));
  }
}

void CheckOptions(const Declaration& declaration) {
  static constexpr const char* kFormats[] = {"standard", "number", "string"};
  static constexpr const char* kTransitions[] = {"update", "insert_delete"};
  CheckChoice("number_format", declaration.number_format, kFormats);
  CheckChoice("filter_transition", declaration.filter_transition, kTransitions);
  static constexpr const char* kOrders[] = {"group", "none", "strict"};
  CheckChoice("order_mode", declaration.order_mode, kOrders);
  CheckMessagePrefixes(declaration.message_prefixes);
  if (declaration.columns.count > 0 && declaration.exclude_columns.count > 0) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("columns and exclude_columns cannot both be given"),
            errhint("Give {} for the one that is not to be in force any more."));
  }
}

uint32 MaskOf(const char* action) {
  for (const NamedAction& one : kActions) {
    if (strcmp(one.name, action) == 0) return one.mask;
  }
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("\"%s\" is not an action", action),
          errhint("Actions are insert, update, delete and truncate."));
}

// Stored in one order, each once.
void CheckActions(Declaration* declaration) {
  TextList& actions = declaration->actions;
  declaration->action_mask = 0;
  for (const char* action : actions) declaration->action_mask |= MaskOf(action);
  if (declaration->action_mask == 0) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("actions must not be empty"),
            errhint("Actions are insert, update, delete and truncate."));
  }
  actions = {static_cast<const char**>(palloc(sizeof(char*) * lengthof(kActions))), 0};
  for (const NamedAction& one : kActions) {
    if (declaration->action_mask & one.mask) actions.items[actions.count++] = one.name;
  }
}

// ---- numbers -----------------------------------------------------------------------------------

void CheckDuration(const char* argument, int64 ms, int64 least, int64 most, const char* range) {
  if (ms >= least && ms <= most) return;
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s is out of range", argument),
          errhint("It may be from %s.", range));
}

void CheckCount(const char* argument, int32 count, int32 least, int32 most, const char* hint) {
  if (count >= least && count <= most) return;
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("%s must be from %d to %d", argument, least, most),
          hint ? errhint("%s", hint) : 0);
}

void CheckNumbers(const Declaration& declaration) {
  CheckDuration("visibility_timeout", declaration.visibility_timeout_ms, 100, 12 * kHour,
                "100 milliseconds to 12 hours");
  CheckDuration("push_timeout", declaration.push_timeout_ms, 100, kHour,
                "100 milliseconds to 1 hour");
  CheckDuration("backoff_base", declaration.backoff_base_ms, 0, 30 * kDay, "0 to 30 days");
  CheckDuration("backoff_max", declaration.backoff_max_ms, 0, 30 * kDay, "0 to 30 days");
  if (declaration.backoff_base_ms > declaration.backoff_max_ms) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("backoff_base must not be longer than backoff_max"));
  }
  CheckCount("the number of elements of backoff", declaration.backoff_ms.count, 0, kBackoffMax,
             "The last one repeats.");
  for (int i = 0; i < declaration.backoff_ms.count; i++) {
    CheckDuration("backoff", declaration.backoff_ms.items[i], 0, 30 * kDay, "0 to 30 days");
  }
  CheckCount("max_deliver", declaration.max_deliver, 0, 32767, "0 means without limit.");
  CheckCount("max_in_flight", declaration.max_in_flight, 0, 1000000, "0 means without limit.");
  CheckCount("push_batch_size", declaration.push_batch_size, 1, 1000, nullptr);
  CheckDuration("retain_time", declaration.retain_ms, 0, 36500 * kDay,
                "0, which means without limit, to 100 years");
  if (declaration.retain_bytes < 0) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("retain_bytes must not be negative"), errhint("0 means without limit."));
  }
}

// ---- push --------------------------------------------------------------------------------------

bool IsTokenCharacter(char c) {
  return url::IsAlphanumeric(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != nullptr);
}

[[noreturn]] void RefuseHeader(const char* name, const char* why) {
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("header \"%s\" cannot be sent: %s", name, why));
  pg_unreachable();
}

// RFC 9110: a name is a token; a value has no control characters.
void CheckHeader(const char* name, const JsonbValue& value) {
  for (const char* c = name; *c != '\0'; c++) {
    if (!IsTokenCharacter(*c)) RefuseHeader(name, "its name is not valid");
  }
  if (*name == '\0') RefuseHeader(name, "its name is empty");
  for (const char* reserved : kReservedHeaders) {
    if (pg_strcasecmp(name, reserved) == 0) RefuseHeader(name, "Sequin writes it itself");
  }
  if (value.type != jbvString) RefuseHeader(name, "its value is not a string");
  for (int i = 0; i < value.val.string.len; i++) {
    auto c = static_cast<unsigned char>(value.val.string.val[i]);
    if ((c < ' ' && c != '\t') || c == 0x7f) {
      RefuseHeader(name, "its value has a control character");
    }
  }
}

void RequireObject(const char* argument, const Jsonb* json, int bytes_max) {
  if (!JB_ROOT_IS_OBJECT(json)) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("%s must be a JSON object", argument));
  }
  if (VARSIZE_ANY_EXHDR(json) > static_cast<size_t>(bytes_max)) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("%s must not have more than %d bytes", argument, bytes_max));
  }
}

void CheckHeaders(Jsonb* headers) {
  RequireObject("push_headers", headers, kHeaderBytesMax);
  if (JB_ROOT_COUNT(headers) > kHeadersMax) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("push_headers must not have more than %d members", kHeadersMax));
  }
  JsonbIterator* iterator = JsonbIteratorInit(&headers->root);
  JsonbValue item;
  const char* name = nullptr;
  JsonbIteratorToken token;
  while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE) {
    if (token == WJB_KEY) name = pnstrdup(item.val.string.val, item.val.string.len);
    if (token == WJB_VALUE) CheckHeader(name, item);
  }
}

void CheckPush(const Declaration& declaration) {
  CheckHeaders(declaration.push_headers);
  if (declaration.push_url == nullptr) {
    bool plain = declaration.push_batch_size == 1 && declaration.push_timeout_ms == 30 * kSecond &&
                 JB_ROOT_COUNT(declaration.push_headers) == 0;
    if (plain) return;
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("push_batch_size, push_timeout and push_headers are for push consumers"),
            errhint("Give push_url too, or leave them out."));
  }
  if (const char* problem = EndpointUrlProblem(declaration.push_url)) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("push_url is not valid: %s", problem));
  }
}

void CheckChoice(const TableChoice& choice) {
  if (choice.filter != nullptr && strlen(choice.filter) > kFilterBytesMax) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("filter must not have more than %zu bytes", kFilterBytesMax));
  }
  if (choice.group_columns.count > kGroupColumnsMax) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("group_columns must not have more than %d elements", kGroupColumnsMax));
  }
  for (const TextList* list : {&choice.columns, &choice.exclude_columns}) {
    if (list->count <= MaxHeapAttributeNumber) continue;
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("columns must not have more than %d elements", MaxHeapAttributeNumber));
  }
}

void CheckTableOptions(Declaration* declaration) {
  RequireObject("table_options", declaration->table_options, kTableOptionsBytesMax);
  TableOptions options = ReadTableOptions(&declaration->table_options->root);
  std::span<const char* const> tables(declaration->tables.items,
                                      static_cast<size_t>(declaration->tables.count));
  for (int i = 0; i < options.count; i++) {
    const TablePattern& table = options.items[i].table;
    if (!TableMatches(tables, table.schema.view(), table.table.view())) {
      ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
              errmsg("table_options names %s, which is not among the tables",
                     quote_qualified_identifier(table.schema.text, table.table.text)),
              errhint("Add it to tables, or leave it out of table_options."));
    }
    CheckChoice(options.items[i].choice);
  }
  declaration->table_options = CanonicalTableOptions(declaration->table_options);
}

// They are part of every message.
void CheckAnnotations(Jsonb* annotations) {
  RequireObject("annotations", annotations, kAnnotationBytesMax);
  if (IsUtf8Text(JsonbToCString(nullptr, &annotations->root, VARSIZE(annotations)))) return;
  ereport(ERROR, errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE), errmsg("annotations must be UTF-8"),
          errdetail("The encoding of this database is SQL_ASCII; messages are UTF-8."));
}

void CheckTexts(const Declaration& declaration) {
  CheckChoice(ArgumentsOf(declaration));
  CheckAnnotations(declaration.annotations);
  if (strcmp(declaration.status, "active") != 0 && strcmp(declaration.status, "paused") != 0) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("\"%s\" is not a status", declaration.status),
            errhint("A consumer can be active or paused."));
  }
}

bool LooksLikeUuid(const char* name) {
  return strlen(name) == 36 && strspn(name, "0123456789abcdefABCDEF-") == 36 && name[8] == '-' &&
         name[13] == '-' && name[18] == '-' && name[23] == '-';
}

}  // namespace

void CheckConsumerName(const char* name) {
  size_t size = strlen(name);
  bool good = size >= 1 && size <= 63;
  for (size_t i = 0; good && i < size; i++) {
    good = url::IsAlphanumeric(name[i]) || name[i] == '_' || name[i] == '-';
  }
  if (good && !LooksLikeUuid(name)) return;
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("\"%s\" cannot be the name of a consumer", name),
          errhint("A name has 1 to 63 letters (a to z), digits, _ and -, and must not look like a "
                  "uuid."));
}

void CheckDeclaration(Declaration* declaration) {
  if (declaration->stream == 0) CheckTables(declaration);
  CheckActions(declaration);
  CheckNumbers(*declaration);
  CheckPush(*declaration);
  CheckTexts(*declaration);
  CheckOptions(*declaration);
  CheckTableOptions(declaration);
  CheckSource(*declaration);
}

TableChoice ArgumentsOf(const Declaration& declaration) {
  TableChoice choice;
  choice.filter = declaration.filter;
  choice.custom_group = declaration.custom_group;
  choice.group_columns = declaration.group_columns;
  choice.columns = declaration.columns;
  choice.exclude_columns = declaration.exclude_columns;
  return choice;
}

// Elements of an array of one dimension without NULL.
static Datum* ElementsOf(Datum array_datum, Oid type, const char* argument, int* count) {
  ArrayType* array = DatumGetArrayTypeP(array_datum);
  if (ARR_NDIM(array) > 1) {
    ereport(ERROR, errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
            errmsg("%s must have one dimension", argument));
  }
  if (array_contains_nulls(array)) {
    ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
            errmsg("%s must not contain NULL", argument));
  }
  int16 length;
  bool by_value;
  char alignment;
  get_typlenbyvalalign(type, &length, &by_value, &alignment);
  Datum* elements;
  deconstruct_array(array, type, length, by_value, alignment, &elements, nullptr, count);
  return elements;
}

TextList TextListOf(Datum text_array, const char* argument) {
  TextList list;
  Datum* elements = ElementsOf(text_array, TEXTOID, argument, &list.count);
  list.items = static_cast<const char**>(palloc(sizeof(char*) * (list.count + 1)));
  for (int i = 0; i < list.count; i++) list.items[i] = TextDatumGetCString(elements[i]);
  return list;
}

Datum TextArrayDatum(const TextList& list) {
  auto* elements = static_cast<Datum*>(palloc(sizeof(Datum) * (list.count + 1)));
  for (int i = 0; i < list.count; i++) elements[i] = CStringGetTextDatum(list.items[i]);
  return PointerGetDatum(construct_array(elements, list.count, TEXTOID, -1, false, TYPALIGN_INT));
}

MillisecondsList MillisecondsListOf(Datum interval_array, const char* argument) {
  MillisecondsList list;
  Datum* elements = ElementsOf(interval_array, INTERVALOID, argument, &list.count);
  list.items = static_cast<int64*>(palloc(sizeof(int64) * (list.count + 1)));
  for (int i = 0; i < list.count; i++) {
    list.items[i] = MillisecondsOf(DatumGetIntervalP(elements[i]));
  }
  return list;
}

MillisecondsList StoredMilliseconds(Datum int8_array) {
  MillisecondsList list;
  Datum* elements = ElementsOf(int8_array, INT8OID, "stored list", &list.count);
  list.items = static_cast<int64*>(palloc(sizeof(int64) * (list.count + 1)));
  for (int i = 0; i < list.count; i++) list.items[i] = DatumGetInt64(elements[i]);
  return list;
}

Datum MillisecondsDatum(const MillisecondsList& list) {
  auto* elements = static_cast<Datum*>(palloc(sizeof(Datum) * (list.count + 1)));
  for (int i = 0; i < list.count; i++) elements[i] = Int64GetDatum(list.items[i]);
  return PointerGetDatum(construct_array(elements, list.count, INT8OID, sizeof(int64),
                                         FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

int64 MillisecondsOf(const Interval* interval) {
  return (int64{interval->month} * 30 + interval->day) * kDay + interval->time / 1000;
}

}  // namespace sequin
