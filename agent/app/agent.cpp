// See agent.h. agent_stop.cpp has the order of stopping.
#include "app/agent.h"

#include <spdlog/spdlog.h>

#include <charconv>
#include <csignal>

namespace sequin {

namespace {

constexpr char kChannel[] = "sequin";
// Definitions come by notification; this is how many polls a lost one may cost.
constexpr int kPollsPerDefinitions = 5;

CurlSettings CurlSettingsOf(const AgentSettings& settings) {
  CurlSettings curl;
  curl.guard = AddressGuard(settings.allowed_addresses);
  curl.proxy = settings.push_proxy;
  curl.connect_timeout = settings.push_connect_timeout;
  curl.low_speed_time = settings.push_low_speed_time;
  curl.response_bytes_max = settings.push_response_bytes_max;
  curl.idle_connections_max = settings.push_idle_connections_max;
  return curl;
}

}  // namespace

Agent::Agent(AgentSettings settings)
    : settings_(std::move(settings)),
      budget_(settings_.payload_bytes_max),
      settle_load_{0, settings_.settles_queued_max},
      slots_(settings_.push.requests_max),
      transport_(loop_, CurlSettingsOf(settings_)),
      pool_(loop_, settings_.database, settings_.work_connections,
            {[this] { OnDatabaseReady(); }, [this](const Error& e) { OnDatabaseLost(e); }}),
      listener_(loop_, settings_.database, kChannel,
                {[this] { OnDatabaseReady(); }, [this](const Error& e) { OnDatabaseLost(e); },
                 [this](const std::string& payload) { OnNotify(payload); }}),
      queue_(pool_),
      push_context_{loop_,   queue_,       transport_, slots_,
                    budget_, settle_load_, metrics_,   settings_.push},
      pull_context_{loop_, queue_, budget_, settle_load_, metrics_, settings_.pull},
      pusher_(push_context_),
      directory_(loop_, queue_, [this] { OnDefinitions(); }),
      database_reader_(loop_, queue_, metrics_, {}),
      puller_(pull_context_, directory_,
              {[this] { return Health(); },
               [this](const std::function<void(std::string)>& answer) {
                 database_reader_.Refresh([this, answer] { answer(MetricsText()); });
               }}),
      server_(loop_, settings_.http, [this](HttpRequest request, ExchangePtr exchange) {
        puller_.Handle(std::move(request), std::move(exchange));
      }) {
  poll_ = loop_.NewAlarm([this] { OnPoll(); });
  stop_step_ = loop_.NewAlarm([this] { StopStep(); });
}

int Agent::Run() {
  const Status listening = server_.Listen(settings_.listen);
  if (!listening.ok()) {
    spdlog::error("{}", listening.error().message);
    return 2;
  }
  RaiseFileLimit();
  std::signal(SIGPIPE, SIG_IGN);
  const SignalWatcher on_term(loop_, SIGTERM, [this] { OnStopSignal(); });
  const SignalWatcher on_int(loop_, SIGINT, [this] { OnStopSignal(); });
  spdlog::info("listening on http://{}", server_.endpoint().ToString());
  pool_.Connect();
  listener_.Connect();
  poll_->Set(settings_.poll_interval);
  loop_.Run();
  return status_;
}

void Agent::OnDatabaseReady() {
  const bool first = pool_.ready_count() == 1 || listener_.ready();
  if (!database_told_ && pool_.ready_count() > 0) {
    spdlog::info("connected to the database");
    database_told_ = true;
  }
  // Notifications may have been missed meanwhile, of both kinds.
  if (first && pool_.ready_count() > 0) directory_.Refresh();
  pusher_.WakeAll();
  puller_.WakeAll();
}

void Agent::OnDatabaseLost(const Error& error) {
  metrics_.CountDatabaseLoss();
  if (pool_.ready_count() > 0) return;
  // Told once per outage, and once at the start.
  if (database_told_ || !directory_.loaded()) {
    spdlog::error("cannot reach the database: {}", error.message);
  }
  database_told_ = false;
}

void Agent::OnNotify(const std::string& payload) {
  std::string_view rest = payload;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const std::string_view word = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
    int consumer = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), consumer);
    if (error != std::errc()) {
      directory_.Refresh();  // "definitions"
      continue;
    }
    pusher_.Wake(consumer);
    puller_.Wake(consumer);
  }
}

void Agent::OnPoll() {
  if (phase_ != Phase::kRunning) return;
  pusher_.WakeAll();
  puller_.WakeAll();
  if (++polls_ % kPollsPerDefinitions == 0) directory_.Refresh();
  poll_->Set(settings_.poll_interval);
}

void Agent::OnDefinitions() {
  if (phase_ != Phase::kRunning) return;
  pusher_.Reconcile(directory_.consumers());
  puller_.Reconcile(directory_.consumers());
}

Puller::Health Agent::Health() const {
  if (pool_.ready_count() == 0) {
    return {false, "the database cannot be reached: " + pool_.last_error()};
  }
  if (!directory_.loaded())
    return {false, "the consumers cannot be read: " + directory_.last_error()};
  return {};
}

std::string Agent::MetricsText() {
  const auto set = [this](GaugeName name, size_t value) {
    metrics_.SetGauge(name, static_cast<double>(value));
  };
  set(GaugeName::kDatabaseConnectionsReady, static_cast<size_t>(pool_.ready_count()));
  set(GaugeName::kListenConnectionReady, listener_.ready() ? 1 : 0);
  set(GaugeName::kPushRequestsInFlight, slots_.used());
  set(GaugeName::kPushMessagesClaimed, pusher_.claimed());
  set(GaugeName::kSettlesQueued, settle_load_.items);
  set(GaugeName::kPullWaiters, pull_context_.waiters);
  set(GaugeName::kHttpConnections, server_.connections());
  set(GaugeName::kPayloadBytesHeld, budget_.held());
  set(GaugeName::kConsumers, directory_.consumers().size());
  metrics_.SetHttpConnectionsRefused(server_.refused());
  return metrics_.Text();
}

}  // namespace sequin
