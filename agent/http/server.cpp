// See server.h.
#include "http/server.h"

#include "loop/event_loop.h"

namespace sequin {

HttpServer::HttpServer(EventLoop& loop, HttpLimits limits, HttpHandler handler)
    : loop_(loop), limits_(limits), handler_(std::move(handler)) {}

HttpServer::~HttpServer() {
  auto open = std::move(connections_);
  connections_.clear();
  for (auto& [key, connection] : open) connection->Close();
}

Status HttpServer::Listen(const Endpoint& endpoint) {
  auto listener = TcpListener::Listen(
      loop_, endpoint, [this](std::unique_ptr<TcpConnection> tcp) { OnAccept(std::move(tcp)); });
  if (!listener.ok()) return listener.error();
  listener_ = std::move(listener.value());
  return Done{};
}

Endpoint HttpServer::endpoint() const {
  return listener_->endpoint();
}

void HttpServer::OnAccept(std::unique_ptr<TcpConnection> tcp) {
  const bool full = connections_.size() >= limits_.connections_max;
  size_t& from_there = per_address_[tcp->peer().bytes];
  if (full || from_there >= limits_.connections_per_address_max) {
    // Closed without an answer: an answer would need one more connection's worth of memory.
    ++refused_;
    if (from_there == 0) per_address_.erase(tcp->peer().bytes);
    return;
  }
  ++from_there;
  auto connection = std::make_shared<HttpConnection>(loop_, limits_, std::move(tcp), *this);
  connections_.emplace(connection.get(), connection);
  connection->Start();
}

void HttpServer::OnRequest(HttpRequest request, ExchangePtr exchange) {
  handler_(std::move(request), std::move(exchange));
}

void HttpServer::OnClosed(HttpConnection* connection) {
  const auto address = per_address_.find(connection->peer().bytes);
  if (address != per_address_.end() && --address->second == 0) per_address_.erase(address);
  connections_.erase(connection);
}

void HttpServer::Drain() {
  draining_ = true;
  listener_.reset();
  CloseIdle();
}

void HttpServer::CloseIdle() {
  auto open = connections_;
  for (auto& [key, connection] : open) connection->CloseIfIdle();
}

}  // namespace sequin
