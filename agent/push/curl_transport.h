// Webhook requests over libcurl's multi interface, driven by the loop.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "loop/socket_watcher.h"
#include "push/address_guard.h"
#include "push/transport.h"

namespace sequin {

class EventLoop;

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
  // Between two requests on a connection libcurl lets go of its socket. It stays watched until
  // something happens on it or it is closed: to stop and start would be five system calls a
  // request.
  struct Socket {
    std::unique_ptr<SocketWatcher> watcher;
    bool stays = false;
    bool wanted = false;
  };

  std::unique_ptr<Transfer> TakeTransfer();
  void WatchSocket(int socket, SocketReady interest);
  void LetGo(int socket);
  void OnReady(int socket, SocketReady ready);
  void Act(int socket, int events);
  void FinishDone();
  void Finish(Transfer& finished, int code);
  PushReply ReplyOf(const Transfer& transfer, int code) const;
  void Fail(OnReply on_reply, PushReply reply);

  EventLoop& loop_;
  CurlSettings settings_;
  void* multi_;
  std::unique_ptr<Alarm> timer_;
  std::unique_ptr<Alarm> fail_later_;
  std::vector<std::pair<OnReply, PushReply>> failures_;
  std::unordered_map<int, Socket> sockets_;
  std::unordered_set<int> opened_;  // by us for libcurl, which closes them through us
  std::vector<std::unique_ptr<Transfer>> transfers_;  // under way
  std::vector<std::unique_ptr<Transfer>> spare_;      // kept for reuse
};

}  // namespace sequin
