// See doctor.h. Reads catalogs and sequin.status; changes nothing.
#include "doctor/doctor.h"

#include <fmt/format.h>

#include <cstdio>

#include "doctor/findings.h"
#include "pg/blocking_client.h"

namespace sequin {

namespace {

constexpr char kSettings[] =
    "SELECT name, setting FROM pg_settings WHERE name IN ('wal_level', 'shared_preload_libraries',"
    " 'max_replication_slots', 'max_wal_senders', 'max_worker_processes',"
    " 'max_slot_wal_keep_size', 'output_plugin_libraries', 'sequin.library_version')";

constexpr char kServer[] =
    "SELECT d.datname, d.oid,"
    " EXISTS (SELECT FROM pg_available_extensions WHERE name = 'sequin'),"
    " (SELECT extversion FROM pg_extension WHERE extname = 'sequin'),"
    " (SELECT count(*) FROM pg_replication_slots),"
    " (SELECT count(*) FROM pg_stat_replication),"
    " (SELECT count(*) FROM pg_stat_activity WHERE backend_type NOT IN ('client backend',"
    "  'autovacuum launcher', 'autovacuum worker', 'background writer', 'checkpointer', 'archiver',"
    "  'startup', 'walreceiver', 'walsender', 'walwriter', 'slotsync worker', 'io worker')),"
    " quote_ident(current_user)"
    " FROM pg_database d WHERE d.datname = current_database()";

constexpr char kSlot[] =
    "SELECT s.active, s.wal_status,"
    " CASE WHEN pg_is_in_recovery() THEN 0"
    "  ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn)::bigint END"
    " FROM pg_replication_slots s JOIN pg_database d ON d.datname = current_database()"
    " WHERE s.slot_name = 'sequin_' || d.oid";

constexpr char kPublications[] =
    "SELECT quote_ident(pubname) FROM pg_publication WHERE puballtables ORDER BY 1";

// By way of JSON, so that columns another version lacks do not make the doctor fail. An error that
// capture has got over is told for ten minutes.
constexpr char kStatus[] =
    "SELECT j::text, j->>'state',"
    " CASE WHEN j->>'state' IS DISTINCT FROM 'running'"
    "  OR (j->>'last_error_at')::timestamptz > now() - interval '10 minutes'"
    " THEN j->>'last_error' END,"
    " CASE WHEN (j->>'open_gaps')::bigint > 0"
    "  THEN (j->>'gap_from_lsn') || ' to ' || (j->>'gap_to_lsn') END"
    " FROM (SELECT to_jsonb(s) AS j FROM sequin.status s LIMIT 1) AS status";

std::optional<std::string> TextOrNothing(const ResultRows& rows, int column) {
  if (rows.IsNull(0, column)) return std::nullopt;
  return std::string(rows.Text(0, column));
}

Status ReadServer(BlockingClient& client, ServerFacts& facts) {
  const auto settings = client.Query(kSettings);
  if (!settings.ok()) return settings.error();
  for (int row = 0; row < settings.value().count(); ++row) {
    facts.settings.emplace(settings.value().Text(row, 0), settings.value().Text(row, 1));
  }
  const auto server = client.Query(kServer);
  if (!server.ok()) return server.error();
  const ResultRows& rows = server.value();
  facts.database = rows.Text(0, 0);
  facts.database_oid = static_cast<unsigned long>(rows.Number(0, 1));
  facts.extension_available = rows.Flag(0, 2);
  facts.extension_version = TextOrNothing(rows, 3);
  facts.slots_used = rows.Number(0, 4);
  facts.senders_used = rows.Number(0, 5);
  facts.workers_used = rows.Number(0, 6);
  facts.role = rows.Text(0, 7);
  return Done{};
}

Status ReadCapture(BlockingClient& client, ServerFacts& facts) {
  const auto slot = client.Query(kSlot);
  if (!slot.ok()) return slot.error();
  if (slot.value().count() > 0) {
    facts.slot = {true, slot.value().Flag(0, 0), std::string(slot.value().Text(0, 1)),
                  slot.value().Number(0, 2)};
  }
  const auto publications = client.Query(kPublications);
  if (!publications.ok()) return publications.error();
  for (int row = 0; row < publications.value().count(); ++row) {
    facts.all_tables_publications.emplace_back(publications.value().Text(row, 0));
  }
  if (!facts.extension_version) return Done{};
  // Both may be refused to this role; then they are reported as unreadable.
  const auto consumers = client.Query("SELECT count(*) FROM sequin.consumers");
  if (consumers.ok()) facts.consumers = consumers.value().Number(0, 0);
  const auto status = client.Query(kStatus);
  if (status.ok() && status.value().count() > 0) {
    facts.capture_status = TextOrNothing(status.value(), 0);
    facts.capture_state = TextOrNothing(status.value(), 1);
    facts.capture_error = TextOrNothing(status.value(), 2);
    facts.open_gap = TextOrNothing(status.value(), 3);
  }
  return Done{};
}

}  // namespace

int RunDoctor(const DoctorSettings& settings) {
  auto client = BlockingClient::Connect(settings.conninfo);
  if (!client.ok()) {
    fmt::print(stderr, "cannot reach the database: {}\n", client.error().message);
    return 2;
  }
  ServerFacts facts;
  Status read = ReadServer(client.value(), facts);
  if (read.ok()) read = ReadCapture(client.value(), facts);
  if (!read.ok()) {
    fmt::print(stderr, "cannot read the server's state: {}\n", read.error().message);
    return 2;
  }
  const std::vector<Finding> findings = Examine(facts);
  fmt::print("{}", settings.json ? FindingsJson(findings) : FindingsText(findings));
  return HasFailure(findings) ? 1 : 0;
}

}  // namespace sequin
