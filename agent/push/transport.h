// How a webhook request leaves the process. The real one is libcurl; tests answer by hand.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace sequin {

// Where requests go and what all of them say; one for all requests of a consumer.
struct PushTarget {
  std::string url;
  std::vector<std::string> headers = {};  // "Name: value"
};

struct PushRequest {
  std::shared_ptr<const PushTarget> target;
  std::vector<std::string> headers;  // those of this request
  std::string body;
  Millis timeout{30000};
};

enum class TransportFault {
  kNone,     // `status` tells the outcome
  kConnect,  // refused, unreachable, reset
  kResolve,  // the name has no address, or its server did not answer
  kTimeout,
  kTls,
  kCertificate,
  kBlockedAddress,
  kBadUrl,
  kBadResponse,  // not HTTP, or more headers than we read
  kLocal,        // no file descriptor, proxy broken: not the endpoint's fault
  kCanceled,     // by us, at shutdown
};

struct PushReply {
  int status = 0;
  TransportFault fault = TransportFault::kNone;
  std::string detail = {};  // for people, when there is a fault
  std::optional<std::string> retry_after = {};
};

class Transport {
 public:
  using OnReply = std::function<void(PushReply)>;

  virtual ~Transport() = default;
  // The callback comes later, exactly once.
  virtual void Send(PushRequest request, OnReply on_reply) = 0;
  // Every request under way is answered with kCanceled.
  virtual void CancelAll() = 0;
};

}  // namespace sequin
