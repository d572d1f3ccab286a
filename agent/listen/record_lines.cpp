// See record_lines.h.
#include "listen/record_lines.h"

#include <nlohmann/json.hpp>

namespace sequin {

namespace {

using nlohmann::ordered_json;

void Append(RecordedLines& lines, const std::string& head, std::string_view message) {
  lines.text += head;
  lines.text += message;
  lines.text += "}\n";
  ++lines.count;
}

std::string Dump(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

bool MayBeBatch(std::string_view body) {
  return body.starts_with("{\"data\":");
}

Result<RecordedLines> RecordLines(const std::string& body, const std::string& webhook_id,
                                  long long received_at_us) {
  const std::string head = "{\"received_at_us\":" + std::to_string(received_at_us) +
                           ",\"webhook_id\":" + Dump(webhook_id) + ",\"message\":";
  RecordedLines lines;
  const bool one_line = body.find('\n') == std::string::npos;
  if (one_line && !MayBeBatch(body)) {
    if (!ordered_json::accept(body)) return Invalid("the body is not valid JSON");
    Append(lines, head, body);
    return lines;
  }
  const auto parsed = ordered_json::parse(body, nullptr, false);
  if (parsed.is_discarded()) return Invalid("the body is not valid JSON");
  const bool batch = parsed.is_object() && parsed.size() == 1 && parsed.contains("data") &&
                     parsed["data"].is_array();
  if (!batch) {
    Append(lines, head, Dump(parsed));
    return lines;
  }
  for (const auto& message : parsed["data"]) Append(lines, head, Dump(message));
  return lines;
}

}  // namespace sequin
