// Reading table_options (table_options.h).
#include "catalog/table_options.h"

namespace sequin {
namespace {

[[noreturn]] void RefuseMember(const char* table, const char* member, const char* what) {
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("%s in table_options of %s must be %s", member, table, what));
  pg_unreachable();
}

// Visits the members of an object: `visit(name, value)`.
template <typename Visit>
void ForEachMember(JsonbContainer* object, Visit&& visit) {
  JsonbIterator* iterator = JsonbIteratorInit(object);
  JsonbValue item;
  const char* name = nullptr;
  JsonbIteratorToken token;
  while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE) {
    if (token == WJB_KEY) name = pnstrdup(item.val.string.val, item.val.string.len);
    if (token == WJB_VALUE) visit(name, item);
  }
}

const char* TextOf(const char* table, const char* member, const JsonbValue& value) {
  if (value.type != jbvString) RefuseMember(table, member, "a string");
  return pnstrdup(value.val.string.val, value.val.string.len);
}

TextList TextsOf(const char* table, const char* member, const JsonbValue& value) {
  static constexpr char kWhat[] = "a list of names";
  if (value.type != jbvBinary || !JsonContainerIsArray(value.val.binary.data) ||
      JsonContainerIsScalar(value.val.binary.data)) {
    RefuseMember(table, member, kWhat);
  }
  JsonbContainer* array = value.val.binary.data;
  uint32 size = JsonContainerSize(array);
  TextList list{static_cast<const char**>(palloc(sizeof(char*) * (size + 1))), 0};
  for (uint32 i = 0; i < size; i++) {
    JsonbValue* item = getIthJsonbValueFromContainer(array, i);
    if (item->type != jbvString) RefuseMember(table, member, kWhat);
    list.items[list.count++] = pnstrdup(item->val.string.val, item->val.string.len);
  }
  return list;
}

void ReadMember(const char* table, const char* member, const JsonbValue& value,
                TableOption* option) {
  TableChoice& choice = option->choice;
  if (strcmp(member, "filter") == 0) {
    if (value.type == jbvNull) return;
    option->given |= kOptionFilter;
    const char* text = TextOf(table, member, value);
    choice.filter = *text == '\0' ? nullptr : text;
  } else if (strcmp(member, "group_columns") == 0) {
    if (value.type == jbvNull) return;
    option->given |= kOptionGroup;
    choice.custom_group = true;
    choice.group_columns = TextsOf(table, member, value);
  } else if (strcmp(member, "columns") == 0 || strcmp(member, "exclude_columns") == 0) {
    if (value.type == jbvNull) return;
    option->given |= kOptionColumns;
    TextList list = TextsOf(table, member, value);
    (strcmp(member, "columns") == 0 ? choice.columns : choice.exclude_columns) = list;
  } else {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("table_options of %s has an unknown member \"%s\"", table, member),
            errhint("Members are filter, group_columns, columns and exclude_columns."));
  }
}

TableOption ReadOption(const char* name, const JsonbValue& value) {
  TableOption option;
  PatternProblem problem = ParseTablePattern(name, &option.table);
  if (problem != PatternProblem::kNone || option.table.any_table) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("\"%s\" in table_options is not the name of a table", name),
            errhint("Write schema.table; put a name with other characters than letters, digits and "
                    "_ in double quotes."));
  }
  if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data)) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("table_options of %s must be a JSON object", name));
  }
  ForEachMember(value.val.binary.data, [&](const char* member, const JsonbValue& item) {
    ReadMember(name, member, item, &option);
  });
  if (option.choice.columns.count > 0 && option.choice.exclude_columns.count > 0) {
    ereport(
        ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
        errmsg("columns and exclude_columns cannot both be given in table_options of %s", name));
  }
  return option;
}

const char* CanonicalName(const TablePattern& table) {
  return quote_qualified_identifier(table.schema.text, table.table.text);
}

}  // namespace

const TableOption* TableOptions::Find(std::string_view schema, std::string_view table) const {
  for (int i = 0; i < count; i++) {
    if (items[i].table.Matches(schema, table)) return &items[i];
  }
  return nullptr;
}

TableOptions ReadTableOptions(JsonbContainer* json) {
  TableOptions options;
  options.items =
      static_cast<TableOption*>(palloc(sizeof(TableOption) * (JsonContainerSize(json) + 1)));
  ForEachMember(json, [&](const char* name, const JsonbValue& value) {
    TableOption option = ReadOption(name, value);
    if (options.Find(option.table.schema.view(), option.table.table.view()) != nullptr) {
      ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
              errmsg("table_options has two members for table %s", CanonicalName(option.table)));
    }
    options.items[options.count++] = option;
  });
  return options;
}

Jsonb* CanonicalTableOptions(Jsonb* json) {
  JsonbParseState* state = nullptr;
  pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
  ForEachMember(&json->root, [&](const char* name, const JsonbValue& value) {
    TablePattern table;
    ParseTablePattern(name, &table);
    const char* canonical = CanonicalName(table);
    JsonbValue key{};
    key.type = jbvString;
    key.val.string.val = const_cast<char*>(canonical);
    key.val.string.len = static_cast<int>(strlen(canonical));
    pushJsonbValue(&state, WJB_KEY, &key);
    JsonbValue copy = value;
    pushJsonbValue(&state, WJB_VALUE, &copy);
  });
  return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, nullptr));
}

TableChoice ChoiceOf(const TableChoice& arguments, const TableOption* option) {
  TableChoice choice = arguments;
  if (option == nullptr) return choice;
  if (option->given & kOptionFilter) choice.filter = option->choice.filter;
  if (option->given & kOptionGroup) {
    choice.custom_group = true;
    choice.group_columns = option->choice.group_columns;
  }
  if (option->given & kOptionColumns) {
    choice.columns = option->choice.columns;
    choice.exclude_columns = option->choice.exclude_columns;
  }
  return choice;
}

}  // namespace sequin
