// See url.h. RFC 3986; in the query a plus is a space, as forms send it.
#include "http/url.h"

namespace sequin {

namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> Decode(std::string_view text, bool plus_is_space) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = HexDigit(text[i + 1]);
      const int low = HexDigit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') return std::nullopt;
    out += c;
  }
  return out;
}

// Calls `take` for each part between separators; false when one part is refused.
template <typename Take>
bool ForEachPart(std::string_view text, char separator, Take take) {
  while (!text.empty()) {
    const size_t end = text.find(separator);
    const std::string_view part = text.substr(0, end);
    if (!part.empty() && !take(part)) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
  return true;
}

}  // namespace

std::optional<Target> ParseTarget(std::string_view text) {
  if (text.empty() || text.front() != '/') return std::nullopt;
  if (text.find('#') != std::string_view::npos) return std::nullopt;
  const size_t mark = text.find('?');
  Target target;
  const bool path_ok = ForEachPart(text.substr(0, mark), '/', [&](std::string_view part) {
    auto segment = Decode(part, false);
    if (segment) target.path.push_back(std::move(*segment));
    return segment.has_value();
  });
  if (!path_ok) return std::nullopt;
  if (mark == std::string_view::npos) return target;
  const bool query_ok = ForEachPart(text.substr(mark + 1), '&', [&](std::string_view part) {
    const size_t equals = part.find('=');
    auto name = Decode(part.substr(0, equals), true);
    auto value = Decode(equals == std::string_view::npos ? "" : part.substr(equals + 1), true);
    if (!name || !value) return false;
    target.query.emplace_back(std::move(*name), std::move(*value));
    return true;
  });
  if (!query_ok) return std::nullopt;
  return target;
}

}  // namespace sequin
