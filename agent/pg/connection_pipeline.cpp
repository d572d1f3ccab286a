// Sending statements down the pipeline of a PgConnection and reading their results in order.
#include <libpq-fe.h>

#include "loop/event_loop.h"
#include "loop/socket_watcher.h"
#include "pg/connection.h"

namespace sequin {

namespace {

Error ErrorOf(const PGresult* result) {
  const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  Error error;
  error.sqlstate = sqlstate ? sqlstate : "";
  error.message = message ? message : PQresultErrorMessage(result);
  error.kind = KindOfSqlState(error.sqlstate);
  return error;
}

// The server itself ends a statement after statement_timeout; this is for a server that is gone.
constexpr Millis kAnswerLate{4000};

bool IsError(const PGresult* result) {
  const ExecStatusType status = PQresultStatus(result);
  return status == PGRES_FATAL_ERROR || status == PGRES_PIPELINE_ABORTED ||
         status == PGRES_BAD_RESPONSE;
}

}  // namespace

void PgConnection::Run(const Statement& statement, Parameters parameters, OnRows on_rows) {
  if (state_ != State::kReady) {
    return FailLater(std::move(on_rows), {ErrorKind::kUnavailable, last_error_});
  }
  if (pending_.size() >= settings_.pipeline_max) {
    return FailLater(std::move(on_rows),
                     {ErrorKind::kOverloaded, "too many statements are waiting"});
  }
  Send(statement, parameters, std::move(on_rows), settings_.statement_timeout + kAnswerLate);
}

void PgConnection::Send(const Statement& statement, const Parameters& parameters, OnRows on_rows,
                        Millis time_to_answer) {
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const auto& parameter : parameters)
    values.push_back(parameter ? parameter->c_str() : nullptr);
  const int count = static_cast<int>(values.size());
  const bool prepare = statement.name != nullptr && !prepared_.contains(statement.name);
  int sent = 1;
  if (prepare) sent = PQsendPrepare(connection_, statement.name, statement.sql, 0, nullptr);
  if (sent == 1 && statement.name != nullptr) {
    sent =
        PQsendQueryPrepared(connection_, statement.name, count, values.data(), nullptr, nullptr, 0);
  } else if (sent == 1) {
    sent = PQsendQueryParams(connection_, statement.sql, count, nullptr, values.data(), nullptr,
                             nullptr, 0);
  }
  Pending entry{std::move(on_rows), loop_.Now() + time_to_answer, nullptr,
                prepare ? statement.name : ""};
  // Statements sent after this one may rely on it: if it fails, Complete() takes the name back.
  if (prepare) prepared_.insert(statement.name);
  pending_.push_back(std::move(entry));
  if (sent == 0 || PQpipelineSync(connection_) == 0) return Lose(ConnectionError());
  if (pending_.size() == 1 && state_ == State::kReady) watch_dog_->Set(time_to_answer);
  Flush();
}

void PgConnection::Flush() {
  const int left = PQflush(connection_);
  if (left < 0) return Lose(ConnectionError());
  Watch(left > 0);
}

void PgConnection::ReadResults() {
  while (state_ != State::kClosed && !pending_.empty() && PQisBusy(connection_) == 0) {
    PGresult* result = PQgetResult(connection_);
    if (result != nullptr) {
      TakeResult(result);
    } else if (PQstatus(connection_) == CONNECTION_BAD) {
      return Lose(ConnectionError());
    }
  }
  if (state_ == State::kClosed) return;
  ReadNotifications();
}

void PgConnection::TakeResult(pg_result* result) {
  if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
    PQclear(result);
    return Complete();
  }
  // The first result is that of the prepare: once it went well, the name stays.
  if (!IsError(result)) pending_.front().prepared.clear();
  // Prepare and execute answer one after the other: the first error counts, else the last result.
  Pending& entry = pending_.front();
  if (entry.result != nullptr && IsError(entry.result)) return PQclear(result);
  PQclear(entry.result);
  entry.result = result;
}

void PgConnection::Complete() {
  Pending entry = std::move(pending_.front());
  pending_.pop_front();
  if (entry.result == nullptr || !IsError(entry.result)) {
    entry.on_rows(ResultRows(entry.result));
    return;
  }
  Error error = ErrorOf(entry.result);
  PQclear(entry.result);
  if (!entry.prepared.empty()) prepared_.erase(entry.prepared);
  const std::string sqlstate = error.sqlstate;
  entry.on_rows(std::move(error));
  // A prepared statement went out of date or out of sight: a fresh session prepares it anew.
  const bool stale_plan = sqlstate == "0A000" || sqlstate == "26000";
  if (stale_plan && state_ == State::kReady) {
    Lose({ErrorKind::kUnavailable, "a prepared statement is out of date"});
  }
}

void PgConnection::ReadNotifications() {
  while (state_ != State::kClosed) {
    PGnotify* notify = PQnotifies(connection_);
    if (notify == nullptr) return;
    std::string payload = notify->extra;
    PQfreemem(notify);
    if (events_.on_notify) events_.on_notify(std::move(payload));
  }
}

}  // namespace sequin
