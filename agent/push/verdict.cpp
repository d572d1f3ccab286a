// See verdict.h.
#include "push/verdict.h"

#include <algorithm>

#include "base/http_date.h"
#include "base/planted.h"

namespace sequin {

namespace {

constexpr size_t kErrorMax = 200;

VerdictClass ClassOfStatus(int status) {
  if (status >= 200 && status < 300) return VerdictClass::kOk;
  if (status == 500 && Planted("webhook_failure_accepted")) return VerdictClass::kOk;
  if (status == 410) return VerdictClass::kGone;
  if (status == 408 || status == 425 || status == 429 || status >= 500) {
    return VerdictClass::kRetry;
  }
  return VerdictClass::kReject;
}

VerdictClass ClassOfFault(TransportFault fault) {
  if (Planted("webhook_unanswered_accepted")) return VerdictClass::kOk;
  switch (fault) {
    case TransportFault::kCertificate:
    case TransportFault::kBlockedAddress:
    case TransportFault::kBadUrl:
    case TransportFault::kResolve:
      return VerdictClass::kConfig;
    case TransportFault::kLocal:
    case TransportFault::kCanceled:
      return VerdictClass::kOurs;
    default:
      return VerdictClass::kRetry;
  }
}

}  // namespace

std::string_view VerdictName(VerdictClass verdict) {
  switch (verdict) {
    case VerdictClass::kOk:
      return "ok";
    case VerdictClass::kRetry:
      return "retry";
    case VerdictClass::kReject:
      return "reject";
    case VerdictClass::kGone:
      return "gone";
    case VerdictClass::kConfig:
      return "config";
    case VerdictClass::kOurs:
      return "ours";
  }
  return "";
}

std::string_view ReplyName(const PushReply& reply) {
  switch (reply.fault) {
    case TransportFault::kNone:
      break;
    case TransportFault::kConnect:
      return "connect";
    case TransportFault::kResolve:
      return "resolve";
    case TransportFault::kTimeout:
      return "timeout";
    case TransportFault::kTls:
      return "tls";
    case TransportFault::kCertificate:
      return "certificate";
    case TransportFault::kBlockedAddress:
      return "blocked_address";
    case TransportFault::kBadUrl:
      return "bad_url";
    case TransportFault::kBadResponse:
      return "bad_response";
    case TransportFault::kLocal:
      return "local";
    case TransportFault::kCanceled:
      return "canceled";
  }
  if (reply.status == 429) return "429";
  switch (reply.status / 100) {
    case 2:
      return "2xx";
    case 3:
      return "3xx";
    case 4:
      return "4xx";
    case 5:
      return "5xx";
    default:
      return "other";
  }
}

Verdict JudgeReply(const PushReply& reply, WallTime now, Millis retry_after_max) {
  Verdict verdict;
  if (reply.fault != TransportFault::kNone) {
    verdict.verdict = ClassOfFault(reply.fault);
    verdict.error = reply.detail.substr(0, kErrorMax);
  } else {
    verdict.verdict = ClassOfStatus(reply.status);
    if (verdict.verdict != VerdictClass::kOk) {
      verdict.error = "HTTP status " + std::to_string(reply.status);
    }
  }
  if (verdict.verdict == VerdictClass::kOk) return verdict;
  verdict.outcome = verdict.verdict == VerdictClass::kOurs ? Outcome::kRelease : Outcome::kNack;
  const bool throttled = reply.status == 429 || reply.status == 503;
  if (throttled && reply.fault == TransportFault::kNone && reply.retry_after) {
    verdict.delay = ParseRetryAfter(*reply.retry_after, now, retry_after_max);
  }
  return verdict;
}

std::optional<Millis> ParseRetryAfter(std::string_view text, WallTime now, Millis most) {
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(),
                                                   [](char c) { return c >= '0' && c <= '9'; });
  if (digits) {
    if (text.size() > 9) return most;
    return std::min(most, Millis(std::stoll(std::string(text)) * 1000));
  }
  const auto date = ParseImfFixdate(text);
  if (!date) return std::nullopt;
  const auto wait = std::chrono::duration_cast<Millis>(
      std::chrono::system_clock::from_time_t(static_cast<time_t>(*date)) - now);
  return std::clamp(wait, Millis(0), most);
}

}  // namespace sequin
