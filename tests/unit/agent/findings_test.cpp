// The doctor's conclusions.
#include "doctor/findings.h"

#include <gtest/gtest.h>

namespace sequin {
namespace {

ServerFacts Healthy() {
  ServerFacts facts;
  facts.database = "shop";
  facts.database_oid = 16384;
  facts.settings = {{"wal_level", "logical"},        {"shared_preload_libraries", "sequin"},
                    {"max_replication_slots", "10"}, {"max_wal_senders", "10"},
                    {"max_worker_processes", "8"},   {"max_slot_wal_keep_size", "-1"}};
  facts.extension_available = true;
  facts.extension_version = "0.1";
  facts.consumers = 1;
  facts.slots_used = 1;
  facts.workers_used = 3;
  facts.slot = {true, true, "reserved", 1000};
  facts.capture_status = "{}";
  facts.capture_state = "running";
  return facts;
}

Finding Of(const ServerFacts& facts, const std::string& check) {
  for (const Finding& finding : Examine(facts)) {
    if (finding.check == check) return finding;
  }
  ADD_FAILURE() << "no check " << check;
  return {};
}

TEST(Findings, AreAllOkForAHealthyServer) {
  for (const Finding& finding : Examine(Healthy())) {
    EXPECT_EQ(finding.level, FindingLevel::kOk) << finding.what;
    EXPECT_EQ(finding.fix, "");
  }
}

TEST(Findings, FailWithoutLogicalWal) {
  ServerFacts facts = Healthy();
  facts.settings["wal_level"] = "replica";
  EXPECT_EQ(Of(facts, "wal_level").level, FindingLevel::kFail);
  EXPECT_NE(Of(facts, "wal_level").fix.find("ALTER SYSTEM SET wal_level"), std::string::npos);
}

TEST(Findings, KeepTheOtherPreloadedLibraries) {
  ServerFacts facts = Healthy();
  facts.settings["shared_preload_libraries"] = "pg_stat_statements, \"auto_explain\"";
  EXPECT_NE(Of(facts, "shared_preload_libraries")
                .fix.find("'pg_stat_statements', 'auto_explain', 'sequin'"),
            std::string::npos);
}

TEST(Findings, SayWhatARoleMayNotRead) {
  ServerFacts facts = Healthy();
  facts.role = "watcher";
  facts.settings.erase("shared_preload_libraries");
  facts.capture_status.reset();
  EXPECT_NE(Of(facts, "shared_preload_libraries").fix.find("TO watcher;"), std::string::npos);
  EXPECT_EQ(Of(facts, "capture").level, FindingLevel::kWarn);
}

TEST(Findings, SayWhenTheExtensionIsMissing) {
  ServerFacts facts = Healthy();
  facts.extension_version.reset();
  EXPECT_EQ(Of(facts, "extension").fix, "CREATE EXTENSION sequin;");
  facts.extension_version = "0.1";
  facts.settings["sequin.library_version"] = "0.1";
  EXPECT_EQ(Of(facts, "extension").level, FindingLevel::kOk);
  facts.settings["sequin.library_version"] = "0.2";
  EXPECT_EQ(Of(facts, "extension").fix, "ALTER EXTENSION sequin UPDATE;");
}

TEST(Findings, FailWhenNoSlotIsLeftForUs) {
  ServerFacts facts = Healthy();
  facts.slot = {};
  facts.consumers = 0;
  facts.slots_used = 10;
  EXPECT_EQ(Of(facts, "max_replication_slots").level, FindingLevel::kFail);
  facts.slot.exists = true;
  EXPECT_EQ(Of(facts, "max_replication_slots").level, FindingLevel::kOk);
}

TEST(Findings, TellALostSlotFromAMissingOne) {
  ServerFacts facts = Healthy();
  facts.slot.wal_status = "lost";
  EXPECT_NE(Of(facts, "slot").what.find("is lost"), std::string::npos);
  facts.slot = {};
  EXPECT_NE(Of(facts, "slot").what.find("is missing"), std::string::npos);
  facts.consumers = 0;
  EXPECT_EQ(Of(facts, "slot").level, FindingLevel::kOk);
}

TEST(Findings, WarnOfASlotFarBehind) {
  ServerFacts facts = Healthy();
  facts.slot.behind_bytes = 5LL << 30;
  EXPECT_EQ(Of(facts, "slot").level, FindingLevel::kWarn);
}

TEST(Findings, WarnOfPublicationsForAllTables) {
  ServerFacts facts = Healthy();
  facts.all_tables_publications = {"everything"};
  EXPECT_EQ(Of(facts, "publications").level, FindingLevel::kWarn);
  EXPECT_NE(Of(facts, "publications").fix.find("DROP PUBLICATION everything;"), std::string::npos);
}

TEST(Findings, ArePrintedAsJson) {
  ServerFacts facts = Healthy();
  facts.settings["wal_level"] = "replica";
  const std::string json = FindingsJson(Examine(facts));
  EXPECT_EQ(json.find("{\"ok\":false,\"findings\":[{\"level\":\"FAIL\",\"check\":\"wal_level\""),
            0U);
}

}  // namespace
}  // namespace sequin
