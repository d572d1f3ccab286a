// See blocking_client.h.
#include "pg/blocking_client.h"

#include <libpq-fe.h>

#include "pg/statement.h"

namespace sequin {

namespace {

std::string Trimmed(const char* message) {
  std::string text = message ? message : "";
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

}  // namespace

BlockingClient::BlockingClient(pg_conn* connection) : connection_(connection, PQfinish) {}

Result<BlockingClient> BlockingClient::Connect(const std::string& conninfo) {
  const char* const keywords[] = {"connect_timeout", "client_encoding", "dbname",
                                  "fallback_application_name", nullptr};
  const char* const values[] = {"10", "UTF8", conninfo.c_str(), "sequin doctor", nullptr};
  BlockingClient client(PQconnectdbParams(keywords, values, 1));
  if (PQstatus(client.connection_.get()) != CONNECTION_OK) {
    return Error{ErrorKind::kUnavailable, Trimmed(PQerrorMessage(client.connection_.get()))};
  }
  return client;
}

Result<ResultRows> BlockingClient::Query(const std::string& sql) {
  PGresult* result = PQexec(connection_.get(), sql.c_str());
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return ResultRows(result);
  const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  Error error{KindOfSqlState(sqlstate ? sqlstate : ""), Trimmed(PQresultErrorMessage(result)),
              sqlstate ? sqlstate : ""};
  PQclear(result);
  return error;
}

Status CheckConninfo(const std::string& conninfo) {
  char* message = nullptr;
  PQconninfoOption* options = PQconninfoParse(conninfo.c_str(), &message);
  if (options != nullptr) {
    PQconninfoFree(options);
    return Done{};
  }
  const std::string text = Trimmed(message);
  PQfreemem(message);
  return Invalid("--database is not a connection string: " + text);
}

}  // namespace sequin
