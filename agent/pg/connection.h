// One connection to the database in pipeline mode, which comes back by itself when it breaks.
// Every statement is followed by its own Sync: each is a transaction of its own.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "base/backoff.h"
#include "base/clock.h"
#include "pg/statement.h"

struct pg_conn;
struct pg_result;

namespace sequin {

class EventLoop;
class SocketWatcher;
struct SocketReady;

struct PgSettings {
  std::string conninfo;
  std::string application_name = "sequin agent";
  Millis statement_timeout{20000};
  Millis connect_timeout{10000};
  // A connection that has had nothing to say for so long is asked whether it is still there.
  Millis probe_interval{10000};
  Millis reconnect_first{100};
  Millis reconnect_most{5000};
  // Statements sent and not answered; more are refused with kOverloaded.
  size_t pipeline_max = 1024;
};

class PgConnection {
 public:
  struct Events {
    std::function<void()> on_ready;              // after every (re)connect, session is set up
    std::function<void(const Error&)> on_lost;   // once per failed or lost connection
    std::function<void(std::string)> on_notify;  // payload
  };

  PgConnection(EventLoop& loop, PgSettings settings, std::string listen_channel, Events events);
  // Answers to statements under way are no longer delivered.
  ~PgConnection();
  PgConnection(const PgConnection&) = delete;
  PgConnection& operator=(const PgConnection&) = delete;

  void Connect();
  // The callback always comes later, never inside this call; with kUnavailable when the connection
  // broke before the answer came, and then the statement may have run.
  void Run(const Statement& statement, Parameters parameters, OnRows on_rows);

  bool ready() const { return state_ == State::kReady; }
  size_t pending() const { return pending_.size(); }
  const std::string& last_error() const { return last_error_; }

 private:
  enum class State { kClosed, kConnecting, kSettingUp, kReady };
  struct Pending {
    OnRows on_rows;
    SteadyTime answer_by;
    pg_result* result = nullptr;
    std::string prepared;  // name of the statement that this entry also prepares
  };

  void OnSocket(SocketReady ready);
  void PollConnect();
  void SetUpSession();
  void ReadResults();
  void TakeResult(pg_result* result);
  void Complete();
  void ReadNotifications();
  void Send(const Statement& statement, const Parameters& parameters, OnRows on_rows,
            Millis time_to_answer);
  void Flush();
  void Watch(bool writable);
  void WatchDog();
  void Probe();
  void Lose(Error error);
  void FailLater(OnRows on_rows, Error error);
  Error ConnectionError() const;

  EventLoop& loop_;
  PgSettings settings_;
  std::string listen_channel_;
  Events events_;
  State state_ = State::kClosed;
  pg_conn* connection_ = nullptr;
  int socket_ = -1;
  std::unique_ptr<SocketWatcher> watcher_;
  std::unique_ptr<Alarm> reconnect_;
  std::unique_ptr<Alarm> watch_dog_;
  std::unique_ptr<Alarm> fail_later_;
  std::deque<std::pair<OnRows, Error>> failures_;
  Backoff backoff_;
  std::deque<Pending> pending_;
  std::set<std::string> prepared_;
  std::string last_error_ = "not connected yet";
};

}  // namespace sequin
