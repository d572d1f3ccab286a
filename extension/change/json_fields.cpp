// Members of JSON objects (json_fields.h).
#include "change/json_fields.h"

#include <cstring>

namespace sequin {
namespace json {

static bool Hex4(std::string_view text, size_t at, uint32_t* value) {
  if (at + 4 > text.size()) return false;
  *value = 0;
  for (size_t i = at; i < at + 4; i++) {
    char c = text[i];
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return false;
    *value = *value << 4 | static_cast<uint32_t>(digit);
  }
  return true;
}

static int Utf8(uint32_t code, char out[4]) {
  auto put = [&](int i, uint32_t byte) { out[i] = static_cast<char>(byte); };
  if (code < 0x80) {
    put(0, code);
    return 1;
  }
  if (code < 0x800) {
    put(0, 0xc0 | code >> 6);
    put(1, 0x80 | (code & 0x3f));
    return 2;
  }
  if (code < 0x10000) {
    put(0, 0xe0 | code >> 12);
    put(1, 0x80 | (code >> 6 & 0x3f));
    put(2, 0x80 | (code & 0x3f));
    return 3;
  }
  put(0, 0xf0 | code >> 18);
  put(1, 0x80 | (code >> 12 & 0x3f));
  put(2, 0x80 | (code >> 6 & 0x3f));
  put(3, 0x80 | (code & 0x3f));
  return 4;
}

size_t DecodeCharacter(std::string_view text, size_t at, char out[4], int* size) {
  *size = 1;
  if (text[at] != '\\') {
    out[0] = text[at];
    return at + 1;
  }
  if (at + 1 >= text.size()) return std::string_view::npos;
  static constexpr char kNames[] = "\"\\/bfnrt";
  static constexpr char kValues[] = "\"\\/\b\f\n\r\t";
  char name = text[at + 1];
  if (const char* found = name == '\0' ? nullptr : strchr(kNames, name)) {
    out[0] = kValues[found - kNames];
    return at + 2;
  }
  uint32_t code, low;
  if (name != 'u' || !Hex4(text, at + 2, &code)) return std::string_view::npos;
  at += 6;
  bool pair = code >= 0xd800 && code < 0xdc00 && at + 1 < text.size() && text[at] == '\\' &&
              text[at + 1] == 'u' && Hex4(text, at + 2, &low) && low >= 0xdc00 && low < 0xe000;
  if (pair) {
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    at += 6;
  }
  *size = Utf8(code, out);
  return at;
}

bool Spells(std::string_view literal, std::string_view name) {
  std::string_view inside = literal.substr(1, literal.size() - 2);
  if (inside == name) return memchr(inside.data(), '\\', inside.size()) == nullptr;
  size_t at = 0, matched = 0;
  while (at < inside.size()) {
    char bytes[4];
    int size;
    at = DecodeCharacter(inside, at, bytes, &size);
    if (at == std::string_view::npos) return false;
    std::string_view character(bytes, static_cast<size_t>(size));
    if (name.substr(matched, character.size()) != character) return false;
    matched += character.size();
  }
  return matched == name.size();
}

}  // namespace json

std::string_view JsonMember(std::string_view object, std::string_view name) {
  constexpr size_t kNone = std::string_view::npos;
  size_t at = json::SkipSpace(object, 0);
  if (at >= object.size() || object[at] != '{') return {};
  at = json::SkipSpace(object, at + 1);
  while (at < object.size() && object[at] == '"') {
    size_t key_end = json::SkipString(object, at);
    if (key_end == kNone) return {};
    bool found = json::Spells(object.substr(at, key_end - at), name);
    at = json::SkipSpace(object, key_end);
    if (at >= object.size() || object[at] != ':') return {};
    at = json::SkipSpace(object, at + 1);
    size_t value_end = json::SkipValue(object, at);
    if (value_end == kNone) return {};
    if (found) {
      size_t last = value_end;
      while (last > at && json::SkipSpace(object, last - 1) > last - 1) last--;
      return object.substr(at, last - at);
    }
    at = json::SkipSpace(object, value_end);
    if (at >= object.size() || object[at] != ',') return {};
    at = json::SkipSpace(object, at + 1);
  }
  return {};
}

}  // namespace sequin
