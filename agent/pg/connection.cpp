// Connecting, losing and coming back; connection_pipeline.cpp has the statements.
#include "pg/connection.h"

#include <libpq-fe.h>
#include <spdlog/spdlog.h>

#include "loop/event_loop.h"
#include "loop/socket_watcher.h"

namespace sequin {

namespace {

// Without this libpq writes notices to stderr itself.
void LogNotice(void*, const char* message) noexcept {
  std::string_view text(message);
  while (text.ends_with('\n')) text.remove_suffix(1);
  spdlog::debug("database: {}", text);
}

}  // namespace

PgConnection::PgConnection(EventLoop& loop, PgSettings settings, std::string listen_channel,
                           Events events)
    : loop_(loop),
      settings_(std::move(settings)),
      listen_channel_(std::move(listen_channel)),
      events_(std::move(events)),
      backoff_(settings_.reconnect_first, settings_.reconnect_most) {
  reconnect_ = loop_.NewAlarm([this] { Connect(); });
  watch_dog_ = loop_.NewAlarm([this] { WatchDog(); });
  fail_later_ = loop_.NewAlarm([this] {
    auto failures = std::move(failures_);
    failures_.clear();
    for (auto& [on_rows, error] : failures) on_rows(std::move(error));
  });
}

PgConnection::~PgConnection() {
  for (Pending& entry : pending_) PQclear(entry.result);
  watcher_.reset();
  PQfinish(connection_);
}

void PgConnection::Connect() {
  // Ours come first: what the user's conninfo says wins. Keepalives find a peer that vanished, the
  // user timeout one that vanished while it was asked.
  const char* const keywords[] = {"keepalives_idle",           "keepalives_interval",
                                  "keepalives_count",          "tcp_user_timeout",
                                  "client_encoding",           "dbname",
                                  "fallback_application_name", nullptr};
  const char* const values[] = {"5",
                                "2",
                                "3",
                                "10000",
                                "UTF8",
                                settings_.conninfo.c_str(),
                                settings_.application_name.c_str(),
                                nullptr};
  connection_ = PQconnectStartParams(keywords, values, 1);
  if (connection_ == nullptr || PQstatus(connection_) == CONNECTION_BAD) {
    return Lose(ConnectionError());
  }
  PQsetnonblocking(connection_, 1);
  PQsetNoticeProcessor(connection_, LogNotice, nullptr);
  state_ = State::kConnecting;
  watch_dog_->Set(settings_.connect_timeout);
  Watch(true);
}

void PgConnection::PollConnect() {
  switch (PQconnectPoll(connection_)) {
    case PGRES_POLLING_READING:
      return Watch(false);
    case PGRES_POLLING_WRITING:
      return Watch(true);
    case PGRES_POLLING_OK:
      return SetUpSession();
    default:
      return Lose(ConnectionError());
  }
}

// libpq may change its socket while it connects (next host, SSL refused), hence the check.
void PgConnection::Watch(bool writable) {
  const int socket = PQsocket(connection_);
  if (!watcher_ || socket != socket_) {
    watcher_ = std::make_unique<SocketWatcher>(loop_, socket,
                                               [this](SocketReady ready) { OnSocket(ready); });
    socket_ = socket;
  }
  const bool connecting_to_write = state_ == State::kConnecting && writable;
  watcher_->Watch(SocketReady{!connecting_to_write, writable});
}

void PgConnection::OnSocket(SocketReady ready) {
  if (state_ == State::kConnecting) {
    // The old socket may be closed inside PQconnectPoll: stop watching it first.
    watcher_.reset();
    return PollConnect();
  }
  if (ready.writable) Flush();
  if (state_ == State::kClosed || !ready.readable) return;
  if (PQconsumeInput(connection_) == 0) return Lose(ConnectionError());
  ReadResults();
}

void PgConnection::SetUpSession() {
  state_ = State::kSettingUp;
  if (PQenterPipelineMode(connection_) == 0) return Lose(ConnectionError());
  // A role or database may carry hostile defaults; a lost agent must not hold anything for long,
  // nor a session whose agent vanished in the middle of a statement.
  const std::string timeout = std::to_string(settings_.statement_timeout.count());
  const std::string set_up =
      "SELECT set_config('statement_timeout', '" + timeout +
      "', false), set_config('lock_timeout', '0', false), "
      "set_config('idle_in_transaction_session_timeout', '10000', false), "
      "set_config('idle_session_timeout', '0', false), "
      "set_config('tcp_keepalives_idle', '5', false), "
      "set_config('tcp_keepalives_interval', '3', false), "
      "set_config('tcp_keepalives_count', '3', false), "
      "set_config('tcp_user_timeout', '20000', false), "
      "set_config('default_transaction_isolation', 'read committed', false), "
      "set_config('default_transaction_read_only', 'off', false), "
      "set_config('search_path', 'pg_catalog', false), "
      "set_config('array_nulls', 'on', false), set_config('jit', 'off', false), "
      "set_config('client_min_messages', 'warning', false), "
      "set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO', false)";
  const auto on_set_up = [this](Result<ResultRows> rows) {
    if (!rows.ok()) return Lose(rows.error());
    state_ = State::kReady;
    backoff_.Reset();
    last_error_.clear();
    watch_dog_->Set(settings_.probe_interval);
    if (events_.on_ready) events_.on_ready();
  };
  const std::string listen = "LISTEN " + listen_channel_;
  if (!listen_channel_.empty()) {
    Send(
        {nullptr, listen.c_str()}, {},
        [this](Result<ResultRows> rows) {
          if (!rows.ok()) Lose(rows.error());
        },
        settings_.connect_timeout);
  }
  if (state_ != State::kSettingUp) return;
  Send({nullptr, set_up.c_str()}, {}, on_set_up, settings_.connect_timeout);
}

void PgConnection::Lose(Error error) {
  if (state_ == State::kClosed && reconnect_->armed()) return;
  state_ = State::kClosed;
  last_error_ = error.message;
  error.kind = ErrorKind::kUnavailable;
  watcher_.reset();
  watch_dog_->Cancel();
  PQfinish(connection_);
  connection_ = nullptr;
  prepared_.clear();
  auto pending = std::move(pending_);
  pending_.clear();
  for (Pending& entry : pending) {
    PQclear(entry.result);
    FailLater(std::move(entry.on_rows), error);
  }
  const Millis delay = backoff_.Next();
  spdlog::debug("database connection: {}; next try in {} ms", error.message, delay.count());
  reconnect_->Set(delay);
  if (events_.on_lost) events_.on_lost(error);
}

void PgConnection::FailLater(OnRows on_rows, Error error) {
  failures_.emplace_back(std::move(on_rows), std::move(error));
  fail_later_->Set(Millis(0));
}

void PgConnection::WatchDog() {
  if (state_ == State::kConnecting || state_ == State::kSettingUp) {
    return Lose({ErrorKind::kUnavailable, "timeout while connecting to the database"});
  }
  if (state_ != State::kReady) return;
  if (pending_.empty()) return Probe();
  const auto left = pending_.front().answer_by - loop_.Now();
  if (left > Millis(0)) return watch_dog_->Set(std::chrono::ceil<Millis>(left));
  Lose({ErrorKind::kUnavailable, "the database did not answer in time"});
}

// What only listens would never learn that nobody speaks any more: a proxy or a firewall between
// us and the database may have forgotten the connection and still answer keepalives.
void PgConnection::Probe() {
  Send(
      {nullptr, "SELECT 1"}, {}, [](const Result<ResultRows>&) {}, settings_.probe_interval);
}

Error PgConnection::ConnectionError() const {
  std::string message = connection_ ? PQerrorMessage(connection_) : "out of memory";
  // One line for the log: libpq adds a guess at the reason.
  message.erase(std::min(message.find('\n'), message.size()));
  if (message.empty()) message = "connection lost";
  return {ErrorKind::kUnavailable, std::move(message)};
}

}  // namespace sequin
