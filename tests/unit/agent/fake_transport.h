// Endpoints that answer when the test says so.
#pragma once

#include <deque>

#include "push/transport.h"

namespace sequin {

class FakeTransport final : public Transport {
 public:
  struct Call {
    PushRequest request;
    OnReply on_reply;
  };

  void Send(PushRequest request, OnReply on_reply) override {
    calls.push_back({std::move(request), std::move(on_reply)});
  }
  void CancelAll() override {
    while (!calls.empty()) Reply({0, TransportFault::kCanceled, "stopped"});
  }

  void Reply(PushReply reply, size_t index = 0) {
    Call call = std::move(calls[index]);
    calls.erase(calls.begin() + static_cast<long>(index));
    call.on_reply(std::move(reply));
  }
  std::string Bodies() const {
    std::string bodies;
    for (const Call& call : calls) bodies += call.request.body;
    return bodies;
  }

  std::deque<Call> calls;
};

}  // namespace sequin
