// One client connection: reads a request, waits for its answer, writes it, reads the next.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "http/exchange.h"
#include "http/request_parser.h"
#include "loop/tcp.h"

namespace sequin {

struct HttpLimits {
  ParserLimits parser;
  Millis head_timeout{10000};
  Millis body_timeout{30000};
  Millis idle_timeout{60000};
  Millis write_timeout{60000};
  size_t connections_max = 1024;
  size_t connections_per_address_max = 512;
};

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  struct Owner {
    virtual ~Owner() = default;
    virtual void OnRequest(HttpRequest request, ExchangePtr exchange) = 0;
    virtual void OnClosed(HttpConnection* connection) = 0;
    virtual bool draining() const = 0;
  };

  HttpConnection(Clock& clock, const HttpLimits& limits, std::unique_ptr<TcpConnection> tcp,
                 Owner& owner);

  void Start();
  void Respond(HttpResponse response, std::function<void(bool)> on_sent);
  void Refuse(int status, std::string_view summary);  // answers and closes
  // Ends the connection when nothing is being read, handled or written on it.
  void CloseIfIdle();
  void Close();

  bool open() const { return phase_ != Phase::kClosed; }
  const IpAddress& peer() const { return peer_; }

 private:
  // kReading: between requests, or inside one. kLingering: answered, waiting for the client to
  // close first, because closing over unread bytes would reset the answer away.
  enum class Phase { kReading, kHandling, kWriting, kLingering, kClosed };

  void OnData(std::string_view bytes);
  void Read(std::string_view bytes);
  void OnParsed(size_t taken);
  void SetReadTimeout();
  void OnTimeout();
  void OnWritten(bool ok);

  Clock& clock_;
  const HttpLimits& limits_;
  std::unique_ptr<TcpConnection> tcp_;
  Owner& owner_;
  IpAddress peer_;
  Phase phase_ = Phase::kReading;
  std::unique_ptr<RequestParser> parser_;
  RequestParser::State timed_state_ = RequestParser::State::kDone;
  std::string inbox_;  // bytes behind the request that is being handled
  bool keep_alive_ = true;
  ExchangePtr exchange_;
  std::unique_ptr<Alarm> timeout_;
};

}  // namespace sequin
