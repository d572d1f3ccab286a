// See connection.h. A callback may end the connection, so each keeps it alive until it returns.
#include "http/connection.h"

#include <utility>

#include "base/http_date.h"

namespace sequin {

namespace {

// While a request is handled its client may send ahead this much before we stop reading.
constexpr size_t kInboxMax = 64 * 1024;
constexpr Millis kLingerTime{1000};
constexpr char kContinue[] = "HTTP/1.1 100 Continue\r\n\r\n";

// Written out once a second.
const std::string& DateOf(WallTime now) {
  static long long second = -1;
  static std::string text;
  const long long present = std::chrono::system_clock::to_time_t(now);
  if (present != std::exchange(second, present)) text = ImfFixdate(present);
  return text;
}

class ConnectionExchange final : public Exchange {
 public:
  explicit ConnectionExchange(std::weak_ptr<HttpConnection> connection)
      : connection_(std::move(connection)) {}

  void Respond(HttpResponse response, std::function<void(bool)> on_sent) override {
    on_abandoned_ = nullptr;
    if (const auto connection = connection_.lock(); connection && connection->open()) {
      return connection->Respond(std::move(response), std::move(on_sent));
    }
    if (on_sent) on_sent(false);
  }

 private:
  std::weak_ptr<HttpConnection> connection_;
};

}  // namespace

HttpConnection::HttpConnection(Clock& clock, const HttpLimits& limits,
                               std::unique_ptr<TcpConnection> tcp, Owner& owner)
    : clock_(clock),
      limits_(limits),
      tcp_(std::move(tcp)),
      owner_(owner),
      peer_(tcp_->peer()),
      parser_(std::make_unique<RequestParser>(limits.parser)) {}

void HttpConnection::Start() {
  const std::weak_ptr<HttpConnection> weak = weak_from_this();
  timeout_ = clock_.NewAlarm([weak] {
    if (const auto self = weak.lock()) self->OnTimeout();
  });
  tcp_->Start({[weak](std::string_view bytes) {
                 if (const auto self = weak.lock()) self->OnData(bytes);
               },
               [weak] {
                 if (const auto self = weak.lock()) self->Close();
               }});
  // A new connection has to say something soon; only later ones may be idle for long.
  timeout_->Set(limits_.head_timeout);
}

void HttpConnection::OnData(std::string_view bytes) {
  if (phase_ == Phase::kLingering || phase_ == Phase::kClosed) return;
  if (phase_ == Phase::kReading) return Read(bytes);
  inbox_ += bytes;
  if (inbox_.size() > kInboxMax) tcp_->PauseReading();
}

// What is left of the bytes behind a request waits in the inbox, which is empty while one is read.
void HttpConnection::Read(std::string_view bytes) {
  const bool was_head = parser_->state() == RequestParser::State::kHead;
  inbox_ = bytes.substr(parser_->Feed(bytes));
  switch (parser_->state()) {
    case RequestParser::State::kError:
      return Refuse(parser_->error_status(), parser_->error());
    case RequestParser::State::kBody:
      if (was_head && parser_->expects_continue()) tcp_->Write(kContinue, "", nullptr);
      return SetReadTimeout();
    case RequestParser::State::kHead:
      return SetReadTimeout();
    case RequestParser::State::kDone:
      break;
  }
  phase_ = Phase::kHandling;
  timeout_->Cancel();
  HttpRequest request = parser_->Take();
  keep_alive_ = request.keep_alive;
  exchange_ = std::make_shared<ConnectionExchange>(weak_from_this());
  owner_.OnRequest(std::move(request), exchange_);
}

// One limit for the whole head and one for the whole body, however slowly the bytes trickle.
void HttpConnection::SetReadTimeout() {
  if (timed_state_ == parser_->state() && timeout_->armed()) return;
  timed_state_ = parser_->state();
  const bool head = timed_state_ == RequestParser::State::kHead;
  timeout_->Set(head ? limits_.head_timeout : limits_.body_timeout);
}

void HttpConnection::OnTimeout() {
  const auto self = shared_from_this();
  if (phase_ == Phase::kReading && parser_->started()) {
    return Refuse(408, "the request took too long to arrive");
  }
  Close();
}

void HttpConnection::Refuse(int status, std::string_view summary) {
  keep_alive_ = false;
  Respond(ErrorResponse(status, summary), nullptr);
}

void HttpConnection::Respond(HttpResponse response, std::function<void(bool)> on_sent) {
  exchange_.reset();
  phase_ = Phase::kWriting;
  keep_alive_ = keep_alive_ && !owner_.draining();
  timeout_->Set(limits_.write_timeout);
  std::string head = ResponseHead(response, keep_alive_, DateOf(clock_.WallNow()));
  tcp_->Write(std::move(head), std::move(response.body),
              [weak = weak_from_this(), on_sent = std::move(on_sent)](bool ok) {
                if (on_sent) on_sent(ok);
                if (const auto self = weak.lock()) self->OnWritten(ok);
              });
}

void HttpConnection::OnWritten(bool ok) {
  if (phase_ == Phase::kClosed) return;
  if (!ok) return Close();
  if (!keep_alive_ || owner_.draining()) {
    phase_ = Phase::kLingering;
    tcp_->ShutdownSending();
    tcp_->ResumeReading();
    timeout_->Set(kLingerTime);
    return;
  }
  phase_ = Phase::kReading;
  parser_ = std::make_unique<RequestParser>(limits_.parser);
  timed_state_ = RequestParser::State::kDone;
  timeout_->Set(limits_.idle_timeout);
  if (inbox_.empty()) return tcp_->ResumeReading();
  timeout_->Cancel();
  Read(std::exchange(inbox_, {}));
  if (phase_ == Phase::kReading) tcp_->ResumeReading();
}

void HttpConnection::CloseIfIdle() {
  if (phase_ == Phase::kReading && !parser_->started()) Close();
}

void HttpConnection::Close() {
  if (phase_ == Phase::kClosed) return;
  const auto self = shared_from_this();
  phase_ = Phase::kClosed;
  tcp_.reset();
  timeout_.reset();
  if (const auto exchange = std::move(exchange_)) exchange->Abandon();
  owner_.OnClosed(this);
}

}  // namespace sequin
