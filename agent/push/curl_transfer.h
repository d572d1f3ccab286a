// One request inside CurlTransport, and the C callbacks libcurl calls for it.
#pragma once

#include <curl/curl.h>

#include <optional>
#include <string>

#include "push/curl_transport.h"

namespace sequin {

struct CurlTransport::Transfer {
  CurlTransport* owner = nullptr;
  CURL* easy = nullptr;
  PushRequest request;
  OnReply on_reply;
  curl_slist* headers = nullptr;
  char error[CURL_ERROR_SIZE] = {};
  size_t header_bytes = 0;
  size_t body_bytes = 0;
  std::optional<std::string> retry_after;
  std::optional<IpAddress> blocked;
  int socket_errno = 0;

  ~Transfer() { curl_slist_free_all(headers); }
};

struct CurlTransport::Callbacks {
  static int OnSocket(CURL*, curl_socket_t socket, int what, void* self, void*) noexcept;
  static int OnTimer(CURLM*, long timeout_ms, void* self) noexcept;
  static curl_socket_t OnOpen(void* transfer, curlsocktype, curl_sockaddr* address) noexcept;
  static size_t OnHeader(char* data, size_t size, size_t count, void* transfer) noexcept;
  static size_t OnBody(char* data, size_t size, size_t count, void* transfer) noexcept;
};

}  // namespace sequin
