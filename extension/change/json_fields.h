// Finds a member of a JSON object (RFC 8259) without parsing what it holds. For text that the
// server itself has written; anything else is noticed and answered with nothing. No server headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sequin {

namespace json {

inline size_t SkipSpace(std::string_view text, size_t at) {
  while (at < text.size() &&
         (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r')) {
    at++;
  }
  return at;
}

// `at` is at an opening quote; returns the place after the closing one, or npos.
inline size_t SkipString(std::string_view text, size_t at) {
  for (at++; at < text.size(); at++) {
    if (text[at] == '\\') {
      at++;
    } else if (text[at] == '"') {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

// The place after the value that begins at `at`, or npos.
inline size_t SkipValue(std::string_view text, size_t at) {
  int depth = 0;
  while (at < text.size()) {
    char c = text[at];
    if (c == '"') {
      at = SkipString(text, at);
      if (at == std::string_view::npos) return at;
    } else if (c == '{' || c == '[') {
      depth++;
      at++;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return at;
      depth--;
      at++;
    } else if (depth == 0 && c == ',') {
      return at;
    } else {
      at++;
      continue;
    }
    if (depth == 0) return at;
  }
  return depth == 0 ? at : std::string_view::npos;
}

// One character of a string literal as code units of UTF-8; returns the place after it, npos when
// it is malformed. `size` bytes are written to `out` (at most 4).
size_t DecodeCharacter(std::string_view text, size_t at, char out[4], int* size);

// Whether the string literal, quotes included, spells `name`.
bool Spells(std::string_view literal, std::string_view name);

}  // namespace json

// The text of a member's value as it stands in the object; empty when there is none.
std::string_view JsonMember(std::string_view object, std::string_view name);

}  // namespace sequin
