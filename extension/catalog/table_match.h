// Which tables a consumer asks for: patterns and what they match. No server headers.
//
//   pattern := "*" | name ".*" | name "." name
//   name    := plain | quoted                   as SQL writes identifiers
//   plain   := [a-zA-Z_\x80-\xff][a-zA-Z0-9_$\x80-\xff]*     A–Z mean a–z
//   quoted  := '"' ( any byte but '"' and NUL | '""' )+ '"'  taken as it is; "" means one "
//
// A name has at most 63 bytes: a longer one could match nothing. A quoted "*" is a table of that
// name. Partitions are matched by the name of their root: the caller passes it.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

namespace sequin {

inline constexpr size_t kNameBytesMax = 63;

enum class PatternProblem {
  kNone,
  kEmpty,          // nothing, or nothing before or after the dot
  kNoSchema,       // one name only
  kAnySchema,      // *.table
  kTooManyParts,   // a.b.c
  kBadCharacter,   // something that a plain name cannot have
  kUnclosedQuote,  // or a NUL, or an empty ""
  kTooLong,
};

struct PatternName {
  char text[kNameBytesMax + 1] = {};
  size_t size = 0;

  std::string_view view() const { return {text, size}; }
};

struct TablePattern {
  bool any_schema = false;  // "*": then any_table too
  bool any_table = false;
  PatternName schema;
  PatternName table;

  bool Matches(std::string_view schema_name, std::string_view table_name) const {
    return (any_schema || schema.view() == schema_name) &&
           (any_table || table.view() == table_name);
  }
};

namespace pattern {

inline bool StartsPlain(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}
inline bool ContinuesPlain(unsigned char c) {
  return StartsPlain(c) || (c >= '0' && c <= '9') || c == '$';
}

inline PatternProblem Append(PatternName* name, char c) {
  if (name->size == kNameBytesMax) return PatternProblem::kTooLong;
  name->text[name->size++] = c;
  return PatternProblem::kNone;
}

// Takes a quoted name off the front of `rest`, which begins with the quote.
inline PatternProblem TakeQuoted(std::string_view* rest, PatternName* name) {
  size_t i = 1;
  for (; i < rest->size(); i++) {
    char c = (*rest)[i];
    if (c == '\0') return PatternProblem::kUnclosedQuote;
    if (c == '"' && (i + 1 == rest->size() || (*rest)[i + 1] != '"')) break;
    if (c == '"') i++;
    if (auto problem = Append(name, c); problem != PatternProblem::kNone) return problem;
  }
  if (i >= rest->size() || name->size == 0) return PatternProblem::kUnclosedQuote;
  rest->remove_prefix(i + 1);
  return PatternProblem::kNone;
}

inline PatternProblem TakePlain(std::string_view* rest, PatternName* name) {
  while (!rest->empty() && rest->front() != '.') {
    char c = rest->front();
    auto byte = static_cast<unsigned char>(c);
    if (name->size == 0 ? !StartsPlain(byte) : !ContinuesPlain(byte)) {
      return PatternProblem::kBadCharacter;
    }
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (auto problem = Append(name, c); problem != PatternProblem::kNone) return problem;
    rest->remove_prefix(1);
  }
  return name->size == 0 ? PatternProblem::kEmpty : PatternProblem::kNone;
}

inline PatternProblem TakeName(std::string_view* rest, PatternName* name) {
  if (rest->empty()) return PatternProblem::kEmpty;
  return rest->front() == '"' ? TakeQuoted(rest, name) : TakePlain(rest, name);
}

}  // namespace pattern

inline PatternProblem ParseTablePattern(std::string_view text, TablePattern* out) {
  *out = TablePattern{};
  if (text == "*") {
    out->any_schema = out->any_table = true;
    return PatternProblem::kNone;
  }
  if (text.starts_with("*.")) return PatternProblem::kAnySchema;
  if (auto problem = pattern::TakeName(&text, &out->schema); problem != PatternProblem::kNone) {
    return problem;
  }
  if (text.empty()) return PatternProblem::kNoSchema;
  if (text.front() != '.') return PatternProblem::kBadCharacter;
  text.remove_prefix(1);
  if (text == "*") {
    out->any_table = true;
    return PatternProblem::kNone;
  }
  if (auto problem = pattern::TakeName(&text, &out->table); problem != PatternProblem::kNone) {
    return problem;
  }
  if (text.empty()) return PatternProblem::kNone;
  return text.front() == '.' ? PatternProblem::kTooManyParts : PatternProblem::kBadCharacter;
}

// Whether one of the patterns is about this table. A pattern that cannot be read matches nothing:
// create_consumer has refused it before it could come here.
inline bool TableMatches(std::span<const char* const> patterns, std::string_view schema,
                         std::string_view table) {
  for (const char* text : patterns) {
    TablePattern one;
    if (ParseTablePattern(text, &one) == PatternProblem::kNone && one.Matches(schema, table)) {
      return true;
    }
  }
  return false;
}

}  // namespace sequin
