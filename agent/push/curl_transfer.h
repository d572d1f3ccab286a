// One request inside CurlTransport, and the C callbacks libcurl calls for it.
#pragma once

#include <curl/curl.h>

#include <optional>
#include <string>
#include <vector>

#include "push/curl_transport.h"

namespace sequin {

// An easy handle and the request it carries. It is kept for the next request after one that went
// well, with all options that are the same for every request.
struct CurlTransport::Transfer {
  explicit Transfer(CurlTransport& transport) : owner(&transport), easy(curl_easy_init()) {}
  ~Transfer() { curl_easy_cleanup(easy); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  bool Prepare();                    // once
  bool Carry(PushRequest&& wanted);  // for each request

  CurlTransport* owner;
  CURL* easy;
  size_t place = 0;  // in `transfers_`
  std::shared_ptr<const PushTarget> target;

  // Of the request under way. libcurl reads the list, and the texts it points to, where they are.
  PushRequest request;
  OnReply on_reply;
  std::vector<curl_slist> headers;
  char error[CURL_ERROR_SIZE];
  size_t header_bytes;
  size_t body_bytes;
  std::optional<std::string> retry_after;
  std::optional<IpAddress> blocked;
  int socket_errno;

 private:
  void ListHeaders();
};

struct CurlTransport::Callbacks {
  static int OnSocket(CURL*, curl_socket_t socket, int what, void* self, void*) noexcept;
  static int OnTimer(CURLM*, long timeout_ms, void* self) noexcept;
  static curl_socket_t OnOpen(void* transfer, curlsocktype, curl_sockaddr* address) noexcept;
  static int OnClose(void* transport, curl_socket_t socket) noexcept;
  static size_t OnHeader(char* data, size_t size, size_t count, void* transfer) noexcept;
  static size_t OnBody(char* data, size_t size, size_t count, void* transfer) noexcept;
};

}  // namespace sequin
