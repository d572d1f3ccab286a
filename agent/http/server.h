// The HTTP/1.1 server: accepts connections up to its caps and hands requests to one handler.
#pragma once

#include <map>
#include <memory>
#include <unordered_map>

#include "http/connection.h"

namespace sequin {

class EventLoop;

class HttpServer final : public HttpConnection::Owner {
 public:
  HttpServer(EventLoop& loop, HttpLimits limits, HttpHandler handler);
  ~HttpServer() override;

  Status Listen(const Endpoint& endpoint);
  Endpoint endpoint() const;

  // Takes no new connection and ends each open one after the answer it is waiting for.
  void Drain();
  // Ends the connections on which nothing is read, handled or written.
  void CloseIdle();
  size_t connections() const { return connections_.size(); }
  size_t refused() const { return refused_; }

 private:
  void OnAccept(std::unique_ptr<TcpConnection> tcp);
  void OnRequest(HttpRequest request, ExchangePtr exchange) override;
  void OnClosed(HttpConnection* connection) override;
  bool draining() const override { return draining_; }

  EventLoop& loop_;
  HttpLimits limits_;
  HttpHandler handler_;
  std::unique_ptr<TcpListener> listener_;
  std::unordered_map<HttpConnection*, std::shared_ptr<HttpConnection>> connections_;
  std::map<std::array<uint8_t, 16>, size_t> per_address_;
  size_t refused_ = 0;
  bool draining_ = false;
};

}  // namespace sequin
