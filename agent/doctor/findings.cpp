// See findings.h: one function for each check.
#include "doctor/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sequin {

namespace {

constexpr char kRestart[] = " then restart the server";
constexpr long long kBehindMuch = 1LL << 30;

Finding Ok(std::string check, std::string what) {
  return {FindingLevel::kOk, std::move(check), std::move(what)};
}

std::optional<std::string> Setting(const ServerFacts& facts, const std::string& name) {
  const auto found = facts.settings.find(name);
  if (found == facts.settings.end()) return std::nullopt;
  return found->second;
}

long long Number(const ServerFacts& facts, const std::string& name) {
  const auto text = Setting(facts, name);
  return text ? std::stoll(*text) : 0;
}

// Elements of a comma separated setting, without quotes and blanks.
std::vector<std::string> ListOf(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',') {
      parts.emplace_back();
    } else if (c != ' ' && c != '"') {
      parts.back() += c;
    }
  }
  std::erase(parts, "");
  return parts;
}

Finding WalLevel(const ServerFacts& facts) {
  const std::string level = Setting(facts, "wal_level").value_or("unknown");
  if (level == "logical") return Ok("wal_level", "wal_level is logical");
  return {FindingLevel::kFail, "wal_level",
          "wal_level is " + level + "; changes cannot be decoded from the WAL",
          std::string("ALTER SYSTEM SET wal_level = 'logical';") + kRestart};
}

Finding Preload(const ServerFacts& facts) {
  const auto text = Setting(facts, "shared_preload_libraries");
  if (!text) {
    return {FindingLevel::kWarn, "shared_preload_libraries",
            "this role may not read shared_preload_libraries",
            "as a superuser: GRANT pg_read_all_settings TO " + facts.role + ";"};
  }
  auto libraries = ListOf(*text);
  if (std::find(libraries.begin(), libraries.end(), "sequin") != libraries.end()) {
    return Ok("shared_preload_libraries", "shared_preload_libraries has sequin");
  }
  libraries.emplace_back("sequin");
  std::string quoted;
  for (const std::string& one : libraries) quoted += (quoted.empty() ? "'" : ", '") + one + "'";
  return {FindingLevel::kFail, "shared_preload_libraries",
          "shared_preload_libraries does not have sequin; nothing is captured",
          "ALTER SYSTEM SET shared_preload_libraries = " + quoted + ";" + kRestart};
}

Finding Extension(const ServerFacts& facts) {
  const auto library = Setting(facts, "sequin.library_version");
  if (facts.extension_version && library && *library != *facts.extension_version) {
    return {FindingLevel::kFail, "extension",
            "extension sequin is of version " + *facts.extension_version +
                ", its library of version " + *library +
                "; nothing works until both are of the same",
            "ALTER EXTENSION sequin UPDATE;"};
  }
  if (facts.extension_version) {
    return Ok("extension", "extension sequin " + *facts.extension_version + " is installed");
  }
  if (facts.extension_available) {
    return {FindingLevel::kFail, "extension",
            "database " + facts.database + " does not have the extension",
            "CREATE EXTENSION sequin;"};
  }
  return {FindingLevel::kFail, "extension", "the extension is not installed on this server",
          "make && sudo make install, then: CREATE EXTENSION sequin;"};
}

Finding Capacity(const ServerFacts& facts, const std::string& setting, long long used,
                 long long needed, const std::string& things) {
  const long long most = Number(facts, setting);
  const std::string what = fmt::format("{} of {} {} in use", used, most, things);
  if (most - used >= needed) return Ok(setting, what);
  return {FindingLevel::kFail, setting, what + "; Sequin needs " + std::to_string(needed) + " more",
          fmt::format("ALTER SYSTEM SET {} = {};{}", setting, used + needed + 2, kRestart)};
}

Finding Slot(const ServerFacts& facts) {
  const std::string name = "sequin_" + std::to_string(facts.database_oid);
  if (!facts.slot.exists) {
    // The slot comes with the first consumer.
    if (!facts.extension_version || facts.consumers == 0) {
      return Ok("slot", "slot " + name + " will be made with the first consumer");
    }
    return {FindingLevel::kFail, "slot",
            "slot " + name + " is missing: changes since it went away are lost to the consumers",
            "SELECT sequin.start();"};
  }
  if (facts.slot.wal_status == "lost") {
    return {FindingLevel::kFail, "slot",
            "slot " + name + " is lost: the server removed WAL that was not captured yet",
            "SELECT sequin.start();"};
  }
  const std::string behind =
      fmt::format("slot {} is {:.1f} MB behind", name,
                  static_cast<double>(facts.slot.behind_bytes) / (1024.0 * 1024.0));
  if (facts.slot.wal_status == "unreserved") {
    return {FindingLevel::kFail, "slot", behind + " and about to be lost (wal_status unreserved)",
            "ALTER SYSTEM SET max_slot_wal_keep_size = -1; SELECT pg_reload_conf();"};
  }
  if (!facts.slot.active) {
    return {FindingLevel::kWarn, "slot", behind + " and nobody reads it", "SELECT sequin.start();"};
  }
  if (facts.slot.behind_bytes > kBehindMuch) {
    return {FindingLevel::kWarn, "slot", behind + ", which keeps that much WAL on disk",
            "SELECT * FROM sequin.status;"};
  }
  return Ok("slot", behind);
}

Finding Publications(const ServerFacts& facts) {
  if (facts.all_tables_publications.empty()) {
    return Ok("publications", "no publication FOR ALL TABLES");
  }
  std::string names, fixes;
  for (const std::string& name : facts.all_tables_publications) {
    names += (names.empty() ? "" : ", ") + name;
    fixes += (fixes.empty() ? "" : " ") + ("DROP PUBLICATION " + name + ";");
  }
  return {FindingLevel::kWarn, "publications",
          "publication FOR ALL TABLES also publishes Sequin's own tables: " + names,
          fixes + " then CREATE PUBLICATION ... FOR TABLES IN SCHEMA ..."};
}

Finding PluginLibraries(const ServerFacts& facts) {
  const auto text = Setting(facts, "output_plugin_libraries");
  if (!text) {
    return Ok("output_plugin_libraries", "this server does not restrict output plugins");
  }
  return Ok("output_plugin_libraries",
            "output_plugin_libraries is '" + *text +
                "'; the capture worker admits its own plugin for itself, nothing to do");
}

Finding KeepSize(const ServerFacts& facts) {
  const long long megabytes = Number(facts, "max_slot_wal_keep_size");
  if (megabytes < 0) {
    return {FindingLevel::kOk, "max_slot_wal_keep_size",
            "max_slot_wal_keep_size is not limited: a stopped capture can fill the disk, but loses "
            "nothing"};
  }
  return {FindingLevel::kWarn, "max_slot_wal_keep_size",
          fmt::format("max_slot_wal_keep_size is {} MB: a capture that falls further behind loses "
                      "changes",
                      megabytes),
          "ALTER SYSTEM SET max_slot_wal_keep_size = -1; SELECT pg_reload_conf();"};
}

Finding Capture(const ServerFacts& facts) {
  if (!facts.extension_version) return Ok("capture", "not started: no extension");
  if (!facts.capture_status) {
    return {FindingLevel::kWarn, "capture", "sequin.status cannot be read by this role",
            "as a superuser: GRANT sequin_monitor TO " + facts.role + ";"};
  }
  if (facts.capture_error) {
    return {FindingLevel::kWarn, "capture", "the last error of capture: " + *facts.capture_error,
            "SELECT * FROM sequin.status;"};
  }
  return Ok("capture", "capture is " + facts.capture_state.value_or(*facts.capture_status));
}

Finding Gaps(const ServerFacts& facts) {
  if (!facts.open_gap) return Ok("gaps", "no gap in what was captured is open");
  return {FindingLevel::kWarn, "gaps",
          "WAL was not captured, the newest gap is " + *facts.open_gap +
              "; TABLE sequin.gaps shows which consumers it concerns",
          "SELECT * FROM sequin.recover(gap => 'backfill');"};
}

}  // namespace

std::vector<Finding> Examine(const ServerFacts& facts) {
  std::vector<Finding> findings;
  findings.push_back(WalLevel(facts));
  findings.push_back(Preload(facts));
  findings.push_back(Extension(facts));
  const long long slots_needed = facts.slot.exists ? 0 : 1;
  findings.push_back(Capacity(facts, "max_replication_slots", facts.slots_used, slots_needed,
                              "replication slots"));
  // Capture itself uses no WAL sender; copies and backups beside it do.
  Finding senders = Capacity(facts, "max_wal_senders", facts.senders_used, 1, "WAL senders");
  if (senders.level == FindingLevel::kFail) senders.level = FindingLevel::kWarn;
  findings.push_back(std::move(senders));
  // The launcher and one worker; both are among the used ones when they run.
  findings.push_back(Capacity(facts, "max_worker_processes", facts.workers_used,
                              facts.slot.active ? 0 : 2, "worker processes"));
  findings.push_back(Slot(facts));
  findings.push_back(Publications(facts));
  findings.push_back(PluginLibraries(facts));
  findings.push_back(KeepSize(facts));
  findings.push_back(Capture(facts));
  findings.push_back(Gaps(facts));
  return findings;
}

std::string_view LevelName(FindingLevel level) {
  switch (level) {
    case FindingLevel::kOk:
      return "OK";
    case FindingLevel::kWarn:
      return "WARN";
    case FindingLevel::kFail:
      return "FAIL";
  }
  return "";
}

std::string FindingsText(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text += fmt::format("{:<4}  {}\n", LevelName(finding.level), finding.what);
    if (!finding.fix.empty()) text += fmt::format("      fix: {}\n", finding.fix);
  }
  return text;
}

std::string FindingsJson(const std::vector<Finding>& findings) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"level", LevelName(finding.level)},
                    {"check", finding.check},
                    {"what", finding.what},
                    {"fix", finding.fix}});
  }
  const nlohmann::ordered_json all = {{"ok", !HasFailure(findings)}, {"findings", list}};
  return all.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

bool HasFailure(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.level == FindingLevel::kFail; });
}

}  // namespace sequin
