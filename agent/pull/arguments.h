// The parameters of pull requests, from the query and the JSON body (the body wins).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "http/message.h"

namespace sequin {

struct ReceiveArguments {
  int batch_size = 1;  // 1..1000; "batch_size", or "max_batch_size" where that is missing
  Millis wait{0};      // "wait_for"; without it the answer comes at once
  std::optional<Millis> visibility_timeout = {};  // "visibility_timeout_ms"
};

struct SettleArguments {
  std::vector<std::string> ack_ids;  // "ack_ids" or "ack_tokens"; each once, lower case
  std::optional<Millis> delay = {};  // "delay_ms"
  std::optional<Millis> visibility_timeout = {};
};

// Errors are kInvalid with a sentence for the client.
Result<ReceiveArguments> ParseReceiveArguments(const HttpRequest& request);
Result<SettleArguments> ParseSettleArguments(const HttpRequest& request);

// 500..300000 ms, written as a number of ms or with a unit: "1500", "1000ms", "60s", "5m".
std::optional<Millis> ParseWaitFor(std::string_view text);

}  // namespace sequin
