// See receiver.h.
#include "listen/receiver.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "listen/record_lines.h"
#include "loop/signal_watcher.h"

namespace sequin {

namespace {

constexpr Millis kProgressEvery{500};

}  // namespace

Receiver::Receiver(ListenSettings settings)
    : settings_(std::move(settings)),
      server_(loop_, settings_.http, [this](HttpRequest request, ExchangePtr exchange) {
        OnRequest(std::move(request), std::move(exchange));
      }) {
  progress_ = loop_.NewAlarm([this] { ShowProgress(); });
}

Receiver::~Receiver() {
  if (file_ >= 0) close(file_);
}

int Receiver::Run() {
  if (!settings_.record_path.empty()) {
    file_ = open(settings_.record_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file_ < 0) {
      spdlog::error("cannot open {}: {}", settings_.record_path, std::strerror(errno));
      return 2;
    }
  }
  const Status listening = server_.Listen(settings_.listen);
  if (!listening.ok()) {
    spdlog::error("{}", listening.error().message);
    return 2;
  }
  RaiseFileLimit();
  std::signal(SIGPIPE, SIG_IGN);
  const SignalWatcher on_term(loop_, SIGTERM, [this] { loop_.Stop(); });
  const SignalWatcher on_int(loop_, SIGINT, [this] { loop_.Stop(); });
  spdlog::info("receiving webhooks on http://{}", server_.endpoint().ToString());
  terminal_ = isatty(STDOUT_FILENO) == 1;
  if (terminal_) progress_->Set(kProgressEvery);
  loop_.Run();
  spdlog::info("{} messages received", received_);
  return 0;
}

void Receiver::OnRequest(HttpRequest request, ExchangePtr exchange) {
  if (request.method == "GET" && request.path.size() == 1 && request.path[0] == "health") {
    return exchange->Respond({200, "{\"ok\":true}"});
  }
  if (request.method != "POST") return exchange->Respond(ErrorResponse(405, "use POST"));
  if (settings_.status >= 200 && settings_.status < 300) {
    if (file_ < 0 && !MayBeBatch(request.body)) {
      ++received_;  // nobody wants to know what is in it
      return Answer(exchange, {settings_.status, "{\"ok\":true}"});
    }
    const std::string* id = request.Header("webhook-id");
    const auto now =
        std::chrono::duration_cast<std::chrono::microseconds>(loop_.WallNow().time_since_epoch());
    const auto lines = RecordLines(request.body, id ? *id : "", now.count());
    if (!lines.ok()) return Answer(exchange, ErrorResponse(400, lines.error().message));
    // On disk before the answer: what was acknowledged is on record.
    if (!Record(lines.value().text)) {
      return Answer(exchange, ErrorResponse(500, "cannot write the record"));
    }
    received_ += lines.value().count;
  }
  Answer(exchange, {settings_.status, "{\"ok\":true}"});
}

void Receiver::Answer(const ExchangePtr& exchange, HttpResponse response) {
  if (settings_.delay.count() == 0) return exchange->Respond(std::move(response));
  // The alarm keeps itself alive through its own callback until it has rung.
  const auto alarm = std::make_shared<std::unique_ptr<Alarm>>();
  *alarm = loop_.NewAlarm([alarm, exchange, response] {
    exchange->Respond(response);
    alarm->reset();
  });
  (*alarm)->Set(settings_.delay);
}

bool Receiver::Record(const std::string& lines) {
  if (file_ < 0) return true;
  size_t written = 0;
  while (written < lines.size()) {
    const ssize_t count = write(file_, lines.data() + written, lines.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      spdlog::error("cannot write {}: {}", settings_.record_path, std::strerror(errno));
      return false;
    }
    written += static_cast<size_t>(count);
  }
  return true;
}

void Receiver::ShowProgress() {
  const double per_second = static_cast<double>(received_ - shown_) * 1000.0 /
                            static_cast<double>(kProgressEvery.count());
  shown_ = received_;
  fmt::print("\r{} messages, {:.0f}/s\033[K", received_, per_second);
  std::fflush(stdout);
  progress_->Set(kProgressEvery);
}

}  // namespace sequin
