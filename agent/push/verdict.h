// What the reply of an endpoint means for the message.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "push/transport.h"
#include "queue/types.h"

namespace sequin {

enum class VerdictClass {
  kOk,
  kRetry,   // the endpoint or the way to it is in trouble
  kReject,  // it does not want this message (tried again all the same)
  kGone,    // 410: it wants no messages any more
  kConfig,  // somebody has to change a setting: certificate, blocked address, name, URL
  kOurs,    // trouble on our side: no attempt is counted
};

std::string_view VerdictName(VerdictClass verdict);

// "2xx" to "5xx", "429", or what failed before there was a status: "timeout", "connect", ...
std::string_view ReplyName(const PushReply& reply);

struct Verdict {
  VerdictClass verdict = VerdictClass::kOk;
  Outcome outcome = Outcome::kAck;
  std::optional<Millis> delay = {};  // nothing = the consumer's backoff policy
  std::string error = {};            // short, kept in the database
};

Verdict JudgeReply(const PushReply& reply, WallTime now, Millis retry_after_max);

// RFC 9110 section 10.2.3: seconds or an IMF-fixdate. Nothing when it is neither.
std::optional<Millis> ParseRetryAfter(std::string_view text, WallTime now, Millis most);

}  // namespace sequin
