// What `sequin doctor` knows about a server and what it concludes from that. No database in here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sequin {

struct SlotFacts {
  bool exists = false;
  bool active = false;
  std::string wal_status = {};  // reserved, extended, unreserved, lost
  long long behind_bytes = 0;
};

struct ServerFacts {
  std::string database;
  std::string role;  // quoted where it must be
  unsigned long database_oid = 0;
  // As far as this role may read them; a setting that is missing could not be read.
  std::map<std::string, std::string> settings = {};
  bool extension_available = false;
  std::optional<std::string> extension_version = {};
  long long slots_used = 0;
  long long senders_used = 0;
  long long workers_used = 0;
  long long consumers = 0;
  SlotFacts slot = {};
  std::vector<std::string> all_tables_publications = {};
  std::optional<std::string> capture_status = {};  // the row of sequin.status as text
  std::optional<std::string> capture_state = {};
  std::optional<std::string> capture_error = {};
  std::optional<std::string> open_gap = {};  // range of the newest gap, when one is open
};

enum class FindingLevel { kOk, kWarn, kFail };

struct Finding {
  FindingLevel level = FindingLevel::kOk;
  std::string check;  // a stable name
  std::string what;
  std::string fix = {};  // the exact command; empty when there is nothing to do
};

std::vector<Finding> Examine(const ServerFacts& facts);

std::string_view LevelName(FindingLevel level);
std::string FindingsText(const std::vector<Finding>& findings);
// {"ok":true,"findings":[{"level","check","what","fix"}]}
std::string FindingsJson(const std::vector<Finding>& findings);
bool HasFailure(const std::vector<Finding>& findings);

}  // namespace sequin
