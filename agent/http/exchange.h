// One request waiting for its response. Whoever handles the request keeps it and answers once.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "http/message.h"

namespace sequin {

class Exchange {
 public:
  virtual ~Exchange() = default;

  // `on_sent(false)`: the client did not get the whole response. Always called, maybe at once.
  virtual void Respond(HttpResponse response, std::function<void(bool)> on_sent) = 0;
  void Respond(HttpResponse response) { Respond(std::move(response), nullptr); }

  // Called when the client goes away before the response; not after it.
  void OnAbandoned(std::function<void()> callback) { on_abandoned_ = std::move(callback); }

  // For the connection.
  void Abandon() {
    if (const auto callback = std::exchange(on_abandoned_, nullptr)) callback();
  }

 protected:
  std::function<void()> on_abandoned_;
};

using ExchangePtr = std::shared_ptr<Exchange>;
using HttpHandler = std::function<void(HttpRequest, ExchangePtr)>;

}  // namespace sequin
