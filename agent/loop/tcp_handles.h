// The libuv side of tcp.h, for the two files that implement it.
#pragma once

#include <sys/socket.h>
#include <uv.h>

#include <memory>

#include "base/ip_address.h"
#include "loop/tcp.h"

namespace sequin {

struct TcpConnection::Handle {
  uv_tcp_t uv;
  std::shared_ptr<Events> events;  // shared: an event may destroy the connection
  IpAddress peer;

  static void OnRead(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) noexcept;
  static void OnClosed(uv_handle_t* handle) noexcept;
};

struct TcpListener::Handle {
  uv_tcp_t uv;
  OnAccept on_accept;

  static void OnConnection(uv_stream_t* server, int status) noexcept;
  static void OnClosed(uv_handle_t* handle) noexcept;
  std::unique_ptr<TcpConnection> Accept();
};

Endpoint EndpointOf(const sockaddr_storage& storage);

}  // namespace sequin
