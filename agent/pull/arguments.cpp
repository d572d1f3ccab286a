// See arguments.h.
#include "pull/arguments.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/uuid.h"

namespace sequin {

namespace {

using nlohmann::json;

constexpr long kBatchMost = 1000;
constexpr long kWaitLeast = 500;
constexpr long kWaitMost = 300000;
constexpr long kDurationMost = 86400000;  // one day
constexpr size_t kIdsMost = 10000;

std::optional<long> ParseInteger(std::string_view text) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<json> ParseBody(const HttpRequest& request) {
  if (request.body.empty()) return json::object();
  json body = json::parse(request.body, nullptr, false);
  if (body.is_discarded()) return Invalid("the body is not valid JSON");
  if (!body.is_object()) return Invalid("the body must be a JSON object");
  return body;
}

// The text of a parameter: numbers and strings may be used for each other, null counts as missing,
// anything else has no text that could be right.
std::optional<std::string> Parameter(const HttpRequest& request, const json& body,
                                     const char* name) {
  const auto found = body.find(name);
  if (found != body.end() && !found->is_null()) {
    if (found->is_string()) return found->get<std::string>();
    return found->dump(-1, ' ', true, json::error_handler_t::replace);
  }
  const std::string* text = request.Query(name);
  return text ? std::optional(*text) : std::nullopt;
}

// Reads an optional number of milliseconds into `out`.
Status ReadDuration(const HttpRequest& request, const json& body, const char* name, long least,
                    std::optional<Millis>& out) {
  const auto text = Parameter(request, body, name);
  if (!text) return Done{};
  const auto value = ParseInteger(*text);
  if (!value || *value < least || *value > kDurationMost) {
    return Invalid(std::string(name) + " must be an integer from " + std::to_string(least) +
                   " to " + std::to_string(kDurationMost));
  }
  out = Millis(*value);
  return Done{};
}

}  // namespace

std::optional<Millis> ParseWaitFor(std::string_view text) {
  const size_t end = text.find_first_not_of("0123456789");
  const std::string_view unit = end == std::string_view::npos ? "" : text.substr(end);
  const auto value = ParseInteger(text.substr(0, end));
  if (!value || *value > kWaitMost) return std::nullopt;
  long factor = 0;
  if (unit.empty() || unit == "ms") factor = 1;
  if (unit == "s") factor = 1000;
  if (unit == "m") factor = 60000;
  const long wait = *value * factor;
  if (wait < kWaitLeast || wait > kWaitMost) return std::nullopt;
  return Millis(wait);
}

Result<ReceiveArguments> ParseReceiveArguments(const HttpRequest& request) {
  const auto body = ParseBody(request);
  if (!body.ok()) return body.error();
  ReceiveArguments arguments;
  auto batch = Parameter(request, body.value(), "batch_size");
  if (!batch) batch = Parameter(request, body.value(), "max_batch_size");
  if (batch) {
    const auto value = ParseInteger(*batch);
    if (!value || *value < 1 || *value > kBatchMost) {
      return Invalid("batch_size must be an integer from 1 to 1000");
    }
    arguments.batch_size = static_cast<int>(*value);
  }
  if (const auto text = Parameter(request, body.value(), "wait_for")) {
    const auto wait = ParseWaitFor(*text);
    if (!wait) {
      return Invalid("wait_for must be 500 to 300000 milliseconds, or a text like \"60s\"");
    }
    arguments.wait = *wait;
  }
  const Status timeout =
      ReadDuration(request, body.value(), "visibility_timeout_ms", 1, arguments.visibility_timeout);
  if (!timeout.ok()) return timeout.error();
  return arguments;
}

Result<SettleArguments> ParseSettleArguments(const HttpRequest& request) {
  const auto body = ParseBody(request);
  if (!body.ok()) return body.error();
  auto ids = body.value().find("ack_ids");
  if (ids == body.value().end()) ids = body.value().find("ack_tokens");
  if (ids == body.value().end() || !ids->is_array()) {
    return Invalid("the body must hold ack_ids, an array of uuids");
  }
  if (ids->size() > kIdsMost) return Invalid("at most 10000 ack_ids in one request");
  SettleArguments arguments;
  std::unordered_set<std::string> seen;
  for (const json& id : *ids) {
    const auto uuid = id.is_string() ? ParseUuid(id.get_ref<const std::string&>()) : std::nullopt;
    if (!uuid) return Invalid("ack_ids must be uuids");
    if (seen.insert(*uuid).second) arguments.ack_ids.push_back(*uuid);
  }
  const Status delay = ReadDuration(request, body.value(), "delay_ms", 0, arguments.delay);
  if (!delay.ok()) return delay.error();
  const Status timeout =
      ReadDuration(request, body.value(), "visibility_timeout_ms", 1, arguments.visibility_timeout);
  if (!timeout.ok()) return timeout.error();
  return arguments;
}

}  // namespace sequin
