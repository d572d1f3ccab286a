// See webhook.h. Header names are those of Standard Webhooks 1.0.
#include "push/webhook.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sequin {

namespace {

// Set by us or by the HTTP library; a consumer's own headers cannot change them.
constexpr std::array<std::string_view, 8> kReserved = {"webhook-id",
                                                       "webhook-timestamp",
                                                       "webhook-signature",
                                                       "content-length",
                                                       "transfer-encoding",
                                                       "connection",
                                                       "host",
                                                       "expect"};

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

// A token of RFC 9110, so that a header cannot smuggle in a second one.
bool IsHeaderName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

std::string Body(bool batch, std::span<Message> messages) {
  if (!batch) return std::move(messages.front().envelope);
  size_t size = 16;
  for (const Message& message : messages) size += message.envelope.size() + 1;
  std::string body;
  body.reserve(size);
  body = "{\"data\":[";
  for (Message& message : messages) {
    if (&message != &messages.front()) body += ',';
    body += std::exchange(message.envelope, {});
  }
  body += "]}";
  return body;
}

}  // namespace

std::shared_ptr<const PushTarget> TargetOf(const ConsumerInfo& consumer) {
  auto target = std::make_shared<PushTarget>();
  target->url = consumer.url;
  bool own_content_type = false;
  for (const auto& [name, value] : consumer.headers) {
    const std::string lower = Lower(name);
    const bool reserved = std::find(kReserved.begin(), kReserved.end(), lower) != kReserved.end();
    if (reserved || !IsHeaderName(name) || HasControl(value)) continue;
    own_content_type = own_content_type || lower == "content-type";
    // libcurl reads "Name:" as "leave this header out" and "Name;" as an empty one.
    target->headers.push_back(value.empty() ? name + ";" : name + ": " + value);
  }
  if (!own_content_type) target->headers.emplace_back("Content-Type: application/json");
  return target;
}

PushRequest BuildWebhook(std::shared_ptr<const PushTarget> target, bool batch,
                         std::span<Message> messages, WallTime now) {
  PushRequest request;
  request.target = std::move(target);
  std::string id = "webhook-id: " + messages.front().message_id;
  if (batch) id += "_" + std::to_string(messages.size());
  request.headers.reserve(2);
  request.headers.push_back(std::move(id));
  request.headers.push_back("webhook-timestamp: " +
                            std::to_string(std::chrono::system_clock::to_time_t(now)));
  request.body = Body(batch, messages);
  return request;
}

}  // namespace sequin
