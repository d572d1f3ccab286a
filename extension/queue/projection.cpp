// Columns left out of JSON texts (projection.h).
#include "queue/projection.h"

#include "change/json_fields.h"

namespace sequin {
namespace {

constexpr size_t kNone = std::string_view::npos;

// Members of metadata that name columns, as lists or, with reasons, as objects.
constexpr std::string_view kColumnMembers[] = {
    "\"unchanged_columns\"",       "\"omitted_columns\"",   "\"omitted_reasons\"",
    "\"json_null_columns\"",       "\"hex_columns\"",       "\"omitted_changes\"",
    "\"omitted_changes_reasons\"", "\"json_null_changes\"", "\"hex_changes\"",
};

bool Named(const TextList& list, std::string_view literal) {
  for (const char* name : list) {
    if (json::Spells(literal, name)) return true;
  }
  return false;
}

bool Keeps(const TableChoice& choice, std::string_view literal) {
  return choice.columns.count > 0 ? Named(choice.columns, literal)
                                  : !Named(choice.exclude_columns, literal);
}

// Visits the parts of an object or a list: `visit(part, name)`; of a list the part is the name.
// The text is one that this server has written.
template <typename Visit>
void ForEachPart(std::string_view text, Visit&& visit) {
  bool object = !text.empty() && text.front() == '{';
  size_t at = json::SkipSpace(text, 1);
  while (at < text.size() && text[at] == '"') {
    size_t name_end = json::SkipString(text, at);
    size_t end = name_end;
    if (object && name_end != kNone)
      end = json::SkipValue(text, json::SkipSpace(text, name_end) + 1);
    if (end == kNone) return;
    visit(text.substr(at, end - at), text.substr(at, name_end - at));
    at = json::SkipSpace(text, end);
    if (at >= text.size() || text[at] != ',') return;
    at = json::SkipSpace(text, at + 1);
  }
}

void AppendView(StringInfo out, std::string_view text) {
  appendBinaryStringInfo(out, text.data(), static_cast<int>(text.size()));
}

std::string_view ViewOf(const StringInfoData& text) {
  return {text.data, static_cast<size_t>(text.len)};
}

// Brackets included; `any`: something is left.
std::string_view Project(const TableChoice& choice, std::string_view text, bool* any) {
  *any = false;
  if (text.empty() || (text.front() != '{' && text.front() != '[')) return text;
  StringInfoData out;
  initStringInfo(&out);
  appendStringInfoChar(&out, text.front());
  ForEachPart(text, [&](std::string_view part, std::string_view name) {
    if (!Keeps(choice, name)) return;
    if (*any) appendStringInfoChar(&out, ',');
    AppendView(&out, part);
    *any = true;
  });
  appendStringInfoChar(&out, text.front() == '{' ? '}' : ']');
  return ViewOf(out);
}

bool NamesColumns(std::string_view member) {
  for (std::string_view one : kColumnMembers) {
    if (one == member) return true;
  }
  return false;
}

std::string_view ProjectMeta(const TableChoice& choice, std::string_view meta) {
  if (meta.empty()) return meta;
  StringInfoData out;
  initStringInfo(&out);
  // Its members stand behind commas: the first is taken for the bracket of an object.
  StringInfoData object;
  initStringInfo(&object);
  appendStringInfoChar(&object, '{');
  AppendView(&object, meta.substr(1));
  appendStringInfoChar(&object, '}');
  ForEachPart(ViewOf(object), [&](std::string_view part, std::string_view name) {
    if (!NamesColumns(name)) {
      appendStringInfoChar(&out, ',');
      AppendView(&out, part);
      return;
    }
    bool any;
    std::string_view list = Project(choice, part.substr(name.size() + 1), &any);
    if (!any) return;
    appendStringInfoChar(&out, ',');
    AppendView(&out, name);
    appendStringInfoChar(&out, ':');
    AppendView(&out, list);
  });
  return ViewOf(out);
}

}  // namespace

void ProjectRow(const TableChoice& choice, LogRow* row) {
  bool any;
  row->record = Project(choice, row->record, &any);
  row->changes = Project(choice, row->changes, &any);
  row->meta = ProjectMeta(choice, row->meta);
}

}  // namespace sequin
