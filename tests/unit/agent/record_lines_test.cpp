// What `sequin listen` writes down.
#include "listen/record_lines.h"

#include <gtest/gtest.h>

namespace sequin {
namespace {

TEST(RecordLines, KeepTheMessageAsItCame) {
  const auto lines = RecordLines(R"({"b": 1,  "a":1.50})", "msg-1", 42);
  ASSERT_TRUE(lines.ok());
  EXPECT_EQ(lines.value().text,
            "{\"received_at_us\":42,\"webhook_id\":\"msg-1\",\"message\":{\"b\": 1,  "
            "\"a\":1.50}}\n");
}

TEST(RecordLines, SplitABatch) {
  const auto lines = RecordLines(R"({"data":[{"a":1},{"a":2}]})", "m", 1);
  ASSERT_TRUE(lines.ok());
  EXPECT_EQ(lines.value().count, 2U);
  EXPECT_NE(lines.value().text.find("\"message\":{\"a\":2}}\n"), std::string::npos);
}

TEST(RecordLines, PutAMessageOfManyLinesOnOne) {
  const auto lines = RecordLines("{\n \"a\": 1\n}", "m", 1);
  ASSERT_TRUE(lines.ok());
  EXPECT_EQ(std::count(lines.value().text.begin(), lines.value().text.end(), '\n'), 1);
}

TEST(RecordLines, RefuseWhatIsNotJson) {
  EXPECT_FALSE(RecordLines("hello", "m", 1).ok());
  EXPECT_FALSE(RecordLines("", "m", 1).ok());
  EXPECT_FALSE(RecordLines("{\"data\":[", "m", 1).ok());
}

TEST(RecordLines, EscapeTheWebhookId) {
  const auto lines = RecordLines("{}", "a\"b", 1);
  EXPECT_NE(lines.value().text.find("\"webhook_id\":\"a\\\"b\""), std::string::npos);
}

}  // namespace
}  // namespace sequin
