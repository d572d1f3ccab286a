// Listening and connected TCP sockets.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/ip_address.h"
#include "base/result.h"

namespace sequin {

class EventLoop;

class TcpConnection {
 public:
  struct Events {
    std::function<void(std::string_view)> on_data;
    std::function<void()> on_end;  // the peer closed, or the connection broke; at most once
  };

  ~TcpConnection();  // closes; writes that were not finished are reported as failed afterwards
  TcpConnection(const TcpConnection&) = delete;
  TcpConnection& operator=(const TcpConnection&) = delete;

  // Events may destroy the connection.
  void Start(Events events);
  void PauseReading();
  void ResumeReading();
  // Both parts are written in one call. `done(true)` means the system took every byte.
  void Write(std::string head, std::string body, std::function<void(bool)> done);
  void ShutdownSending();

  const IpAddress& peer() const;

 private:
  friend class TcpListener;
  struct Handle;
  explicit TcpConnection(Handle* handle);
  Handle* handle_;
};

class TcpListener {
 public:
  using OnAccept = std::function<void(std::unique_ptr<TcpConnection>)>;

  static Result<std::unique_ptr<TcpListener>> Listen(EventLoop& loop, const Endpoint& endpoint,
                                                     OnAccept on_accept);
  ~TcpListener();
  TcpListener(const TcpListener&) = delete;
  TcpListener& operator=(const TcpListener&) = delete;

  // Where it really listens: differs from what was asked when the port was 0.
  Endpoint endpoint() const;

 private:
  struct Handle;
  explicit TcpListener(Handle* handle) : handle_(handle) {}
  Handle* handle_;
};

}  // namespace sequin
