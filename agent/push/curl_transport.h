// Webhook requests over libcurl's multi interface, driven by the loop.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "push/address_guard.h"
#include "push/transport.h"

namespace sequin {

class EventLoop;
class SocketWatcher;

struct CurlSettings {
  AddressGuard guard{{}};
  std::string proxy;  // empty = none, whatever the environment says
  std::string user_agent = "Sequin";
  Millis connect_timeout{5000};
  Millis low_speed_time{30000};
  size_t response_bytes_max = 64 * 1024;
  size_t idle_connections_max = 256;
};

class CurlTransport final : public Transport {
 public:
  CurlTransport(EventLoop& loop, CurlSettings settings);
  ~CurlTransport() override;

  void Send(PushRequest request, OnReply on_reply) override;
  void CancelAll() override;

 private:
  struct Transfer;
  struct Callbacks;

  bool Configure(Transfer& transfer);
  void Act(int socket, int events);
  void FinishDone();
  void Finish(Transfer* transfer, int code);
  PushReply ReplyOf(const Transfer& transfer, int code) const;
  void Fail(OnReply on_reply, PushReply reply);

  EventLoop& loop_;
  CurlSettings settings_;
  void* multi_;
  std::unique_ptr<Alarm> timer_;
  std::unique_ptr<Alarm> fail_later_;
  std::vector<std::pair<OnReply, PushReply>> failures_;
  std::unordered_map<int, std::unique_ptr<SocketWatcher>> watchers_;
  std::unordered_map<void*, std::unique_ptr<Transfer>> transfers_;
  std::vector<void*> spare_;  // easy handles kept for reuse
};

}  // namespace sequin
