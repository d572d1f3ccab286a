// The command line.
#include "config/command_line.h"

#include <gtest/gtest.h>

namespace sequin {
namespace {

Result<CommandLine> Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "sequin");
  return ParseCommandLine(static_cast<int>(arguments.size()), arguments.data());
}

std::string ErrorOf(std::vector<const char*> arguments) {
  const auto line = Parse(std::move(arguments));
  return line.ok() ? "" : line.error().message;
}

TEST(CommandLine, ReadsAgentSettings) {
  const auto line =
      Parse({"agent", "--database", "dbname=x", "--listen", "127.0.0.1:8000", "--poll-interval-ms",
             "250", "--allow-addresses", "127.0.0.0/8", "--allow-addresses", "10.0.0.0/8"});
  ASSERT_TRUE(line.ok()) << line.error().message;
  const auto& settings = std::get<AgentSettings>(line.value().command);
  EXPECT_EQ(settings.database.conninfo, "dbname=x");
  EXPECT_EQ(settings.listen.port, 8000);
  EXPECT_EQ(settings.poll_interval, Millis(250));
  EXPECT_EQ(settings.allowed_addresses.size(), 2U);
}

TEST(CommandLine, ListensOnLoopbackByDefault) {
  const auto line = Parse({"agent", "--database", "dbname=x"});
  EXPECT_EQ(std::get<AgentSettings>(line.value().command).listen.ToString(), "127.0.0.1:7376");
}

TEST(CommandLine, RefusesOptionsItDoesNotKnowAndNamesTheNearest) {
  EXPECT_EQ(ErrorOf({"agent", "--databse", "x"}),
            "unknown option --databse; did you mean --database?");
  EXPECT_EQ(ErrorOf({"agnt"}), "unknown command agnt; did you mean agent?");
}

TEST(CommandLine, RefusesARepeatedOption) {
  EXPECT_NE(ErrorOf({"agent", "--database", "dbname=x", "--database", "dbname=y"}), "");
}

TEST(CommandLine, RefusesAnotherAddressThanLoopback) {
  EXPECT_NE(ErrorOf({"agent", "--database", "dbname=x", "--listen", "0.0.0.0:7376"}), "");
}

TEST(CommandLine, RefusesBadValues) {
  EXPECT_NE(ErrorOf({"agent", "--database", "dbname"}), "");
  EXPECT_NE(ErrorOf({"agent", "--database", "dbname=x", "--poll-interval-ms", "0"}), "");
  EXPECT_NE(ErrorOf({"agent", "--database", "dbname=x", "--poll-interval-ms", "1s"}), "");
  EXPECT_NE(ErrorOf({"agent", "--database", "dbname=x", "--allow-addresses", "10.0.0.0/99"}), "");
  EXPECT_NE(ErrorOf({"listen", "--status", "99"}), "");
}

TEST(CommandLine, NeedsACommandAndADatabase) {
  EXPECT_NE(ErrorOf({}), "");
  EXPECT_NE(ErrorOf({"agent"}), "");
  EXPECT_NE(ErrorOf({"doctor"}), "");
}

TEST(CommandLine, PrintsHelpAndVersion) {
  EXPECT_TRUE(std::holds_alternative<PrintCommand>(Parse({"--version"}).value().command));
  const auto help = Parse({"agent", "--help"});
  EXPECT_NE(std::get<PrintCommand>(help.value().command).text.find("--allow-addresses"),
            std::string::npos);
}

}  // namespace
}  // namespace sequin
