// What libcurl calls: socket and timer interest, opening a socket, response bytes.
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "loop/event_loop.h"
#include "push/curl_transfer.h"

namespace sequin {

namespace {

// libcurl's own cap is per line; this one is for all of them together.
constexpr size_t kHeaderBytesMax = 64 * 1024;

std::optional<IpAddress> AddressOf(const curl_sockaddr& address) {
  IpAddress ip;
  if (address.family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address.addr, sizeof(v4));
    std::memcpy(ip.bytes.data(), &v4.sin_addr, 4);
    return ip;
  }
  if (address.family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address.addr, sizeof(v6));
    std::memcpy(ip.bytes.data(), &v6.sin6_addr, 16);
    ip.v6 = true;
    return ip;
  }
  return std::nullopt;
}

}  // namespace

int CurlTransport::Callbacks::OnSocket(CURL*, curl_socket_t socket, int what, void* self,
                                       void*) noexcept {
  auto* transport = static_cast<CurlTransport*>(self);
  if (what == CURL_POLL_REMOVE) {
    transport->LetGo(socket);
  } else {
    transport->WatchSocket(socket, {(what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0});
  }
  return 0;
}

int CurlTransport::Callbacks::OnTimer(CURLM*, long timeout_ms, void* self) noexcept {
  auto* transport = static_cast<CurlTransport*>(self);
  if (timeout_ms < 0) {
    transport->timer_->Cancel();
  } else {
    transport->timer_->Set(Millis(timeout_ms));
  }
  return 0;
}

curl_socket_t CurlTransport::Callbacks::OnOpen(void* data, curlsocktype,
                                               curl_sockaddr* address) noexcept {
  auto* transfer = static_cast<Transfer*>(data);
  const auto ip = AddressOf(*address);
  if (!ip) return CURL_SOCKET_BAD;
  // Through a proxy the proxy's address is what is connected, and the user configured that one.
  const bool proxied = !transfer->owner->settings_.proxy.empty();
  if (!proxied && !transfer->owner->settings_.guard.Allows(*ip)) {
    transfer->blocked = ip;
    return CURL_SOCKET_BAD;
  }
  const int socket = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (socket < 0) {
    transfer->socket_errno = errno;
    return CURL_SOCKET_BAD;
  }
  // A number whose socket was closed without telling us (libcurl does so when it cannot set one
  // up).
  transfer->owner->sockets_.erase(socket);
  transfer->owner->opened_.insert(socket);
  return socket;
}

int CurlTransport::Callbacks::OnClose(void* self, curl_socket_t socket) noexcept {
  auto* transport = static_cast<CurlTransport*>(self);
  transport->sockets_.erase(socket);
  transport->opened_.erase(socket);
  return close(socket);
}

size_t CurlTransport::Callbacks::OnHeader(char* data, size_t size, size_t count,
                                          void* self) noexcept {
  auto* transfer = static_cast<Transfer*>(self);
  const size_t bytes = size * count;
  transfer->header_bytes += bytes;
  if (transfer->header_bytes > kHeaderBytesMax) return 0;
  constexpr std::string_view kName = "retry-after:";
  if (bytes > kName.size() && strncasecmp(data, kName.data(), kName.size()) == 0) {
    std::string_view value(data + kName.size(), bytes - kName.size());
    const size_t first = value.find_first_not_of(" \t\r\n");
    const size_t last = value.find_last_not_of(" \t\r\n");
    if (first != std::string_view::npos) {
      transfer->retry_after = std::string(value.substr(first, last - first + 1));
    }
  }
  return bytes;
}

// The status decides; of the body only so much is read that a well-behaved endpoint can finish.
size_t CurlTransport::Callbacks::OnBody(char*, size_t size, size_t count, void* self) noexcept {
  auto* transfer = static_cast<Transfer*>(self);
  transfer->body_bytes += size * count;
  const bool too_much = transfer->body_bytes > transfer->owner->settings_.response_bytes_max;
  return too_much ? 0 : size * count;
}

}  // namespace sequin
