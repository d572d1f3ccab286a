// The listening half of tcp.h.
#include <netinet/in.h>

#include <cstring>

#include "loop/event_loop.h"
#include "loop/tcp_handles.h"

namespace sequin {

namespace {

constexpr int kBacklog = 511;

sockaddr_storage StorageOf(const Endpoint& endpoint) {
  sockaddr_storage storage{};
  if (endpoint.address.v6) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(endpoint.port);
    std::memcpy(&v6->sin6_addr, endpoint.address.bytes.data(), 16);
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(endpoint.port);
    std::memcpy(&v4->sin_addr, endpoint.address.bytes.data(), 4);
  }
  return storage;
}

}  // namespace

Endpoint EndpointOf(const sockaddr_storage& storage) {
  Endpoint endpoint;
  if (storage.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
    endpoint.address.v6 = true;
    std::memcpy(endpoint.address.bytes.data(), &v6->sin6_addr, 16);
    endpoint.port = ntohs(v6->sin6_port);
  } else {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
    std::memcpy(endpoint.address.bytes.data(), &v4->sin_addr, 4);
    endpoint.port = ntohs(v4->sin_port);
  }
  return endpoint;
}

void TcpListener::Handle::OnClosed(uv_handle_t* handle) noexcept {
  delete static_cast<Handle*>(handle->data);
}

void TcpListener::Handle::OnConnection(uv_stream_t* server, int status) noexcept {
  auto* handle = static_cast<Handle*>(server->data);
  if (status < 0) return;
  if (auto connection = handle->Accept()) handle->on_accept(std::move(connection));
}

std::unique_ptr<TcpConnection> TcpListener::Handle::Accept() {
  auto* client = new TcpConnection::Handle;
  uv_tcp_init(uv.loop, &client->uv);
  client->uv.data = client;
  std::unique_ptr<TcpConnection> connection(new TcpConnection(client));
  auto* stream = reinterpret_cast<uv_stream_t*>(&client->uv);
  if (uv_accept(reinterpret_cast<uv_stream_t*>(&uv), stream) != 0) return nullptr;
  uv_tcp_nodelay(&client->uv, 1);
  sockaddr_storage peer{};
  int length = sizeof(peer);
  uv_tcp_getpeername(&client->uv, reinterpret_cast<sockaddr*>(&peer), &length);
  client->peer = EndpointOf(peer).address;
  return connection;
}

Result<std::unique_ptr<TcpListener>> TcpListener::Listen(EventLoop& loop, const Endpoint& endpoint,
                                                         OnAccept on_accept) {
  auto* handle = new Handle;
  handle->on_accept = std::move(on_accept);
  uv_tcp_init(loop.raw(), &handle->uv);
  handle->uv.data = handle;
  std::unique_ptr<TcpListener> listener(new TcpListener(handle));
  const sockaddr_storage storage = StorageOf(endpoint);
  int status = uv_tcp_bind(&handle->uv, reinterpret_cast<const sockaddr*>(&storage), 0);
  if (status == 0) {
    status = uv_listen(reinterpret_cast<uv_stream_t*>(&handle->uv), kBacklog, Handle::OnConnection);
  }
  if (status != 0) {
    return Invalid("cannot listen on " + endpoint.ToString() + ": " + uv_strerror(status));
  }
  return listener;
}

TcpListener::~TcpListener() {
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->uv), Handle::OnClosed);
}

Endpoint TcpListener::endpoint() const {
  sockaddr_storage storage{};
  int length = sizeof(storage);
  uv_tcp_getsockname(&handle_->uv, reinterpret_cast<sockaddr*>(&storage), &length);
  return EndpointOf(storage);
}

}  // namespace sequin
