// See command_line.h. CLI11 throws; nothing leaves this file but values.
#include "config/command_line.h"

#include <CLI/CLI.hpp>

#include "base/nearest_name.h"
#include "config/version.h"
#include "pg/blocking_client.h"

namespace sequin {

namespace {

// What CLI11 fills in before it becomes settings.
struct Raw {
  AgentSettings agent;
  DoctorSettings doctor;
  ListenSettings listen;
  std::string agent_listen = "127.0.0.1:7376";
  std::string receiver_listen = "127.0.0.1:9000";
  std::vector<std::string> allowed;
  std::string log_level = "info";
};

void AddMillis(CLI::App& app, const std::string& name, Millis& value, const std::string& help,
               long least = 1) {
  app.add_option_function<long>(
         name, [&value](const long& ms) { value = Millis(ms); }, help)
      ->check(CLI::Range(least, 86400000L))
      ->type_name("MS")
      ->default_str(std::to_string(value.count()));
}

template <typename T>
void AddCount(CLI::App& app, const std::string& name, T& value, const std::string& help,
              long most = 1000000000) {
  app.add_option_function<long>(
         name, [&value](const long& count) { value = static_cast<T>(count); }, help)
      ->check(CLI::Range(1L, most))
      ->type_name("N")
      ->default_str(std::to_string(value));
}

void AddLogLevel(CLI::App& app, Raw& raw) {
  app.add_option("--log-level", raw.log_level, "What is logged to stderr")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
      ->capture_default_str();
}

void AddHttp(CLI::App& app, HttpLimits& http) {
  AddCount(app, "--http-connections-max", http.connections_max, "Open client connections");
  AddCount(app, "--http-connections-per-address-max", http.connections_per_address_max,
           "Open connections from one address");
  AddCount(app, "--http-head-bytes-max", http.parser.head_bytes_max,
           "Request line and headers of one request", 1 << 20);
  AddCount(app, "--http-body-bytes-max", http.parser.body_bytes_max, "Body of one request");
  AddMillis(app, "--http-head-timeout-ms", http.head_timeout, "Time for a request's head");
  AddMillis(app, "--http-body-timeout-ms", http.body_timeout, "Time for a request's body");
  AddMillis(app, "--http-idle-timeout-ms", http.idle_timeout, "Time between two requests");
  AddMillis(app, "--http-write-timeout-ms", http.write_timeout, "Time for taking a response");
}

void AddPush(CLI::App& app, Raw& raw) {
  AgentSettings& agent = raw.agent;
  app.add_option("--allow-addresses", raw.allowed,
                 "Private or reserved range (CIDR) that webhooks may go to; repeatable")
      ->type_name("CIDR")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--push-proxy", agent.push_proxy, "Proxy for webhooks; none by default");
  AddCount(app, "--push-requests-max", agent.push.requests_max, "Webhook requests under way");
  AddCount(app, "--push-claim-messages-max", agent.push.claim_messages_max,
           "Messages claimed in one statement", 10000);
  AddCount(app, "--push-in-flight-default", agent.push.in_flight_default,
           "Messages under way of a consumer without max_in_flight", 10000);
  AddCount(app, "--push-idle-connections-max", agent.push_idle_connections_max,
           "Kept connections to endpoints");
  AddCount(app, "--push-response-bytes-max", agent.push_response_bytes_max,
           "Bytes read of an endpoint's response");
  AddMillis(app, "--push-connect-timeout-ms", agent.push_connect_timeout,
            "Time to connect to an endpoint");
  AddMillis(app, "--push-low-speed-time-ms", agent.push_low_speed_time,
            "Time a request may go on below 16 bytes per second");
  AddMillis(app, "--retry-after-max-ms", agent.push.retry_after_max,
            "Cap of an endpoint's Retry-After");
}

void AddAgent(CLI::App& app, Raw& raw) {
  AgentSettings& agent = raw.agent;
  app.add_option("--database", agent.database.conninfo, "libpq connection string or URI")
      ->required();
  app.add_option("--listen", raw.agent_listen, "Address and port of the HTTP server")
      ->type_name("ADDR:PORT")
      ->capture_default_str();
  AddCount(app, "--work-connections", agent.work_connections,
           "Database connections beside the listening one", 64);
  AddMillis(app, "--poll-interval-ms", agent.poll_interval,
            "How often to look for work without having been notified");
  AddMillis(app, "--statement-timeout-ms", agent.database.statement_timeout,
            "Time for one statement");
  AddMillis(app, "--probe-interval-ms", agent.database.probe_interval,
            "How often a silent database connection is asked whether it is still there", 100);
  AddMillis(app, "--reconnect-max-ms", agent.database.reconnect_most,
            "Longest pause between two attempts to reach the database", 100);
  AddMillis(app, "--shutdown-timeout-ms", agent.shutdown_timeout,
            "Time after SIGTERM to finish requests under way", 0);
  AddCount(app, "--payload-bytes-max", agent.payload_bytes_max,
           "Bytes of claimed messages in memory", 1L << 40);
  AddCount(app, "--settles-queued-max", agent.settles_queued_max,
           "Settled messages waiting for the database");
  AddCount(app, "--settle-messages-max", agent.push.settle_items_max,
           "Messages settled in one statement", 10000);
  AddCount(app, "--pull-waiters-max", agent.pull.waiters_max, "Waiting receive requests");
  AddCount(app, "--pull-claims-per-statement-max", agent.pull.claims_per_statement_max,
           "Receive requests served by one statement", 1000);
  AddMillis(app, "--pull-settle-retry-ms", agent.pull.settle_retry,
            "How long a client's ack waits for a lost database");
  AddPush(app, raw);
  AddHttp(app, agent.http);
  AddLogLevel(app, raw);
}

void AddDoctor(CLI::App& app, Raw& raw) {
  app.add_option("--database", raw.doctor.conninfo, "libpq connection string or URI")->required();
  app.add_flag("--json", raw.doctor.json, "Print one JSON object")
      ->multi_option_policy(CLI::MultiOptionPolicy::Throw);
  AddLogLevel(app, raw);
}

void AddReceiver(CLI::App& app, Raw& raw) {
  app.add_option("--listen", raw.receiver_listen, "Address and port")
      ->type_name("ADDR:PORT")
      ->capture_default_str();
  app.add_option("--record", raw.listen.record_path,
                 "File that gets one JSON line for each message");
  app.add_option("--status", raw.listen.status, "Status to answer with")
      ->check(CLI::Range(200, 599))
      ->capture_default_str();
  AddMillis(app, "--delay-ms", raw.listen.delay, "Pause before each answer", 0);
  AddHttp(app, raw.listen.http);
  AddLogLevel(app, raw);
}

std::vector<std::string> OptionNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::vector<std::string> CommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(nullptr)) names.push_back(command->get_name());
  return names;
}

Error UnknownArgument(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  const std::string wrong = app.remaining(true).empty() ? "" : app.remaining(true).front();
  const bool command = chosen.empty();
  const std::string bare = wrong.substr(0, wrong.find('='));
  const std::string nearest =
      NearestName(bare, command ? CommandNames(app) : OptionNames(*chosen.front()));
  std::string message = (command ? "unknown command " : "unknown option ") + bare;
  if (!nearest.empty()) message += "; did you mean " + nearest + "?";
  return Invalid(message);
}

// Turns the texts into addresses; the rest is in place already.
Result<AgentSettings> FinishAgent(Raw& raw) {
  const auto endpoint = ParseEndpoint(raw.agent_listen);
  if (!endpoint) return Invalid("--listen must be ADDRESS:PORT, not \"" + raw.agent_listen + "\"");
  if (!IsLoopback(endpoint->address)) {
    return Invalid("--listen " + raw.agent_listen +
                   ": only loopback addresses, because requests carry no access tokens");
  }
  raw.agent.listen = *endpoint;
  raw.agent.pull.settle_items_max = raw.agent.push.settle_items_max;
  for (const std::string& text : raw.allowed) {
    const auto range = ParseCidr(text);
    if (!range) {
      return Invalid("--allow-addresses must be a range like 10.0.0.0/8, not \"" + text + "\"");
    }
    raw.agent.allowed_addresses.push_back(*range);
  }
  const Status conninfo = CheckConninfo(raw.agent.database.conninfo);
  if (!conninfo.ok()) return conninfo.error();
  return raw.agent;
}

Result<ListenSettings> FinishReceiver(Raw& raw) {
  const auto endpoint = ParseEndpoint(raw.receiver_listen);
  if (!endpoint) {
    return Invalid("--listen must be ADDRESS:PORT, not \"" + raw.receiver_listen + "\"");
  }
  raw.listen.listen = *endpoint;
  return raw.listen;
}

Result<CommandLine> Finish(const CLI::App& app, Raw& raw) {
  CommandLine line;
  line.log_level = raw.log_level;
  const std::string name = app.get_subcommands().front()->get_name();
  if (name == "agent") {
    auto settings = FinishAgent(raw);
    if (!settings.ok()) return settings.error();
    line.command = std::move(settings.value());
  } else if (name == "doctor") {
    const Status conninfo = CheckConninfo(raw.doctor.conninfo);
    if (!conninfo.ok()) return conninfo.error();
    line.command = raw.doctor;
  } else {
    auto settings = FinishReceiver(raw);
    if (!settings.ok()) return settings.error();
    line.command = std::move(settings.value());
  }
  return line;
}

}  // namespace

Result<CommandLine> ParseCommandLine(int argc, const char* const* argv) {
  CLI::App app{"Sequin: change data capture and a queue inside Postgres", "sequin"};
  Raw raw;
  app.set_version_flag("--version", std::string("sequin ") + kVersion);
  AddAgent(*app.add_subcommand("agent", "Deliver: push webhooks and serve pull clients"), raw);
  AddDoctor(*app.add_subcommand("doctor", "Check that a database is ready for Sequin"), raw);
  AddReceiver(*app.add_subcommand("listen", "Receive webhooks, for development"), raw);
  app.require_subcommand(1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ExtrasError&) {
    return UnknownArgument(app);
  } catch (const CLI::Success& done) {
    const bool version = dynamic_cast<const CLI::CallForVersion*>(&done) != nullptr;
    return CommandLine{PrintCommand{version ? std::string("sequin ") + kVersion : app.help()}};
  } catch (const CLI::RequiredError& error) {
    if (!app.remaining(true).empty()) return UnknownArgument(app);
    return Invalid(error.what());
  } catch (const CLI::ParseError& error) {
    return Invalid(error.what());
  }
  return Finish(app, raw);
}

}  // namespace sequin
