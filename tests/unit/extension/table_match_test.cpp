// Table patterns: what they accept, what they mean, what they match.
#include "catalog/table_match.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace sequin {
namespace {

bool Match(std::initializer_list<const char*> patterns, std::string_view schema,
           std::string_view table) {
  std::vector<const char*> list(patterns);
  return TableMatches(list, schema, table);
}

PatternProblem Problem(std::string_view text) {
  TablePattern pattern;
  return ParseTablePattern(text, &pattern);
}

TEST(TableMatch, StarMatchesEveryTable) {
  EXPECT_TRUE(Match({"*"}, "public", "orders"));
  EXPECT_TRUE(Match({"*"}, "Odd.Schema", "*"));
}

TEST(TableMatch, SchemaStarMatchesThatSchemaOnly) {
  EXPECT_TRUE(Match({"public.*"}, "public", "orders"));
  EXPECT_FALSE(Match({"public.*"}, "public2", "orders"));
  EXPECT_FALSE(Match({"public.*"}, "publi", "orders"));
}

TEST(TableMatch, FullNameMatchesExactly) {
  EXPECT_TRUE(Match({"public.orders"}, "public", "orders"));
  EXPECT_FALSE(Match({"public.orders"}, "public", "orders2"));
  EXPECT_FALSE(Match({"public.orders"}, "public", "order"));
  EXPECT_FALSE(Match({"public.orders"}, "sales", "orders"));
}

TEST(TableMatch, AnyPatternOfTheListIsEnough) {
  EXPECT_TRUE(Match({"a.b", "c.*", "d.e"}, "d", "e"));
  EXPECT_TRUE(Match({"a.b", "c.*", "d.e"}, "c", "x"));
  EXPECT_FALSE(Match({"a.b", "c.*", "d.e"}, "d", "x"));
  EXPECT_FALSE(Match({}, "d", "x"));
}

TEST(TableMatch, PlainNamesFoldToLowerCaseAsInSql) {
  EXPECT_TRUE(Match({"Public.ORDERS"}, "public", "orders"));
  EXPECT_FALSE(Match({"Public.ORDERS"}, "Public", "ORDERS"));
}

TEST(TableMatch, QuotedNamesAreTakenAsTheyAre) {
  EXPECT_TRUE(Match({"\"Public\".\"ORDERS\""}, "Public", "ORDERS"));
  EXPECT_FALSE(Match({"\"Public\".\"ORDERS\""}, "public", "orders"));
  EXPECT_TRUE(Match({"\"a.b\".\"c d\""}, "a.b", "c d"));
  EXPECT_TRUE(Match({"public.\"say \"\"hi\"\"\""}, "public", "say \"hi\""));
  EXPECT_TRUE(Match({"\"Sales\".*"}, "Sales", "anything"));
}

TEST(TableMatch, QuotedStarIsATableOfThatName) {
  EXPECT_TRUE(Match({"public.\"*\""}, "public", "*"));
  EXPECT_FALSE(Match({"public.\"*\""}, "public", "orders"));
}

TEST(TableMatch, OtherAlphabetsNeedNoQuotes) {
  EXPECT_TRUE(Match({"public.größe"}, "public", "größe"));
  EXPECT_TRUE(Match({"public.注文"}, "public", "注文"));
}

TEST(TableMatch, DollarAndDigitsMayFollowButNotLead) {
  EXPECT_TRUE(Match({"public.t1$x"}, "public", "t1$x"));
  EXPECT_EQ(Problem("public.1t"), PatternProblem::kBadCharacter);
  EXPECT_EQ(Problem("public.$t"), PatternProblem::kBadCharacter);
}

TEST(TableMatch, SaysWhatIsWrong) {
  EXPECT_EQ(Problem(""), PatternProblem::kEmpty);
  EXPECT_EQ(Problem("public."), PatternProblem::kEmpty);
  EXPECT_EQ(Problem(".orders"), PatternProblem::kEmpty);
  EXPECT_EQ(Problem("orders"), PatternProblem::kNoSchema);
  EXPECT_EQ(Problem("\"orders\""), PatternProblem::kNoSchema);
  EXPECT_EQ(Problem("*.orders"), PatternProblem::kAnySchema);
  EXPECT_EQ(Problem("*.*"), PatternProblem::kAnySchema);
  EXPECT_EQ(Problem("db.public.orders"), PatternProblem::kTooManyParts);
  EXPECT_EQ(Problem("public.ord*"), PatternProblem::kBadCharacter);
  EXPECT_EQ(Problem("public.a b"), PatternProblem::kBadCharacter);
  EXPECT_EQ(Problem(" public.orders"), PatternProblem::kBadCharacter);
  EXPECT_EQ(Problem("public.orders "), PatternProblem::kBadCharacter);
  EXPECT_EQ(Problem("public.\"a\"b"), PatternProblem::kBadCharacter);
  EXPECT_EQ(Problem("public.a\"b\""), PatternProblem::kBadCharacter);
  EXPECT_EQ(Problem("public.\"orders"), PatternProblem::kUnclosedQuote);
  EXPECT_EQ(Problem("public.\"orders\"\""), PatternProblem::kUnclosedQuote);
  EXPECT_EQ(Problem("public.\"\""), PatternProblem::kUnclosedQuote);
  EXPECT_EQ(Problem("\""), PatternProblem::kUnclosedQuote);
}

TEST(TableMatch, NamesHaveAtMost63Bytes) {
  std::string longest(63, 'x');
  EXPECT_EQ(Problem("public." + longest), PatternProblem::kNone);
  EXPECT_EQ(Problem("public." + longest + "x"), PatternProblem::kTooLong);
  EXPECT_EQ(Problem("public.\"" + longest + "\""), PatternProblem::kNone);
  EXPECT_EQ(Problem("\"" + longest + "x\".*"), PatternProblem::kTooLong);
}

TEST(TableMatch, APatternThatCannotBeReadMatchesNothing) {
  EXPECT_FALSE(Match({"orders"}, "public", "orders"));
  EXPECT_FALSE(Match({""}, "", ""));
}

}  // namespace
}  // namespace sequin
