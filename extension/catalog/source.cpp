// What a consumer reads from: tables or a stream, all messages or the newest of each key
// (declaration.h).
#include "catalog/declaration.h"
#include "stream/key_pattern.h"

namespace sequin {
namespace {

const char* HintFor(KeyProblem problem) {
  switch (problem) {
    case KeyProblem::kTooLong:
      return "A pattern has at most 255 characters.";
    case KeyProblem::kBadCharacter:
      return "* stands for one whole token, > for the rest and only at the end.";
    default:
      return "A pattern has up to 16 tokens separated by dots, as in orders.*.created or orders.>.";
  }
}

void CheckPattern(const char* pattern) {
  KeyProblem problem = CheckKeyPattern(pattern);
  if (problem == KeyProblem::kNone) return;
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("\"%s\" is not a pattern of keys", pattern), errhint("%s", HintFor(problem)));
}

// The first argument given that only consumers of tables have; nullptr: none.
const char* TableArgument(const Declaration& declaration) {
  struct {
    const char* name;
    bool given;
  } arguments[] = {
      {"tables", declaration.tables.count > 0},
      {"actions", declaration.actions.count != 4},
      {"filter", declaration.filter != nullptr},
      {"group_columns", declaration.custom_group},
      {"columns", declaration.columns.count > 0},
      {"exclude_columns", declaration.exclude_columns.count > 0},
      {"table_options", JB_ROOT_COUNT(declaration.table_options) > 0},
      {"number_format", strcmp(declaration.number_format, "standard") != 0},
      {"publish_via_partition_root", !declaration.publish_via_partition_root},
      {"include_children", declaration.include_children},
      {"filter_transition", strcmp(declaration.filter_transition, "update") != 0},
      {"fill_unchanged", declaration.fill_unchanged},
      {"message_prefixes", declaration.message_prefixes.count > 0},
  };
  for (const auto& argument : arguments) {
    if (argument.given) return argument.name;
  }
  return nullptr;
}

void CheckStream(const Declaration& declaration) {
  if (const char* argument = TableArgument(declaration)) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("a consumer of a stream cannot have %s", argument),
            errhint("It selects messages with key_pattern."));
  }
  CheckPattern(declaration.key_pattern);
}

bool HasGroupColumns(const Declaration& declaration) {
  if (declaration.custom_group) return true;
  TableOptions options = ReadTableOptions(&declaration.table_options->root);
  for (int i = 0; i < options.count; i++) {
    if (options.items[i].choice.custom_group) return true;
  }
  return false;
}

// A key's messages must wait for each other, or the newest would pass by one that is in flight.
void CheckLatest(const Declaration& declaration) {
  if (strcmp(declaration.order_mode, "group") != 0) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("mode latest needs order_mode group"));
  }
  if (HasGroupColumns(declaration)) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("mode latest cannot go with group_columns"),
            errhint("Its groups are the keys: the newest message of each is delivered."));
  }
}

}  // namespace

void CheckSource(const Declaration& declaration) {
  bool latest = strcmp(declaration.mode, "latest") == 0;
  if (!latest && strcmp(declaration.mode, "all") != 0) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("\"%s\" is not a value of mode", declaration.mode),
            errhint("It can be one of: all, latest."));
  }
  if (declaration.stream != 0) {
    CheckStream(declaration);
  } else if (declaration.key_pattern != nullptr) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("key_pattern is for consumers of streams"),
            errhint("Give stream too, or leave it out."));
  }
  if (latest) CheckLatest(declaration);
}

}  // namespace sequin
