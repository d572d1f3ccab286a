// Keys of streams and the patterns that select them.
#include "stream/key_pattern.h"

#include <gtest/gtest.h>

#include <string>

namespace sequin {
namespace {

TEST(KeyPattern, TextMatchesItself) {
  EXPECT_TRUE(KeyMatches("orders.7.created", "orders.7.created"));
  EXPECT_FALSE(KeyMatches("orders.7.created", "orders.7"));
  EXPECT_FALSE(KeyMatches("orders.7", "orders.7.created"));
  EXPECT_FALSE(KeyMatches("orders.7", "orders.70"));
}

TEST(KeyPattern, StarIsExactlyOneToken) {
  EXPECT_TRUE(KeyMatches("orders.*.created", "orders.7.created"));
  EXPECT_FALSE(KeyMatches("orders.*.created", "orders.7.8.created"));
  EXPECT_FALSE(KeyMatches("orders.*.created", "orders.created"));
  EXPECT_TRUE(KeyMatches("*", "orders"));
  EXPECT_FALSE(KeyMatches("*", "orders.7"));
  EXPECT_FALSE(KeyMatches("orders.*", "orders"));
}

TEST(KeyPattern, GreaterIsOneTokenOrMoreAtTheEnd) {
  EXPECT_TRUE(KeyMatches(">", "orders"));
  EXPECT_TRUE(KeyMatches(">", "orders.7.created"));
  EXPECT_TRUE(KeyMatches("orders.>", "orders.7.created"));
  EXPECT_TRUE(KeyMatches("*.7.>", "orders.7.created"));
  EXPECT_FALSE(KeyMatches("orders.>", "orders"));
  EXPECT_FALSE(KeyMatches("orders.>", "invoices.7"));
}

TEST(KeyPattern, KeysHaveNoWildcardsAndNoEmptyTokens) {
  EXPECT_EQ(CheckKey("a.b-c.ü d"), KeyProblem::kNone);
  EXPECT_EQ(CheckKey(""), KeyProblem::kEmpty);
  EXPECT_EQ(CheckKey("."), KeyProblem::kEmptyToken);
  EXPECT_EQ(CheckKey("a..b"), KeyProblem::kEmptyToken);
  EXPECT_EQ(CheckKey(".a"), KeyProblem::kEmptyToken);
  EXPECT_EQ(CheckKey("a."), KeyProblem::kEmptyToken);
  EXPECT_EQ(CheckKey("a.*"), KeyProblem::kBadCharacter);
  EXPECT_EQ(CheckKey("a.b>"), KeyProblem::kBadCharacter);
  EXPECT_EQ(CheckKey("a.\n"), KeyProblem::kBadCharacter);
}

TEST(KeyPattern, KeysAreBoundedInTokensAndCharacters) {
  EXPECT_EQ(CheckKey("1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16"), KeyProblem::kNone);
  EXPECT_EQ(CheckKey("1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17"), KeyProblem::kTooManyTokens);
  EXPECT_EQ(CheckKey(std::string(255, 'x')), KeyProblem::kNone);
  EXPECT_EQ(CheckKey(std::string(256, 'x')), KeyProblem::kTooLong);
  std::string wide;
  for (int i = 0; i < 255; i++) wide += "ü";
  EXPECT_EQ(CheckKey(wide), KeyProblem::kNone);
  EXPECT_EQ(CheckKey(wide + "ü"), KeyProblem::kTooLong);
}

TEST(KeyPattern, WildcardsAreWholeTokensAndGreaterIsTheLast) {
  EXPECT_EQ(CheckKeyPattern("orders.*.created"), KeyProblem::kNone);
  EXPECT_EQ(CheckKeyPattern("orders.>"), KeyProblem::kNone);
  EXPECT_EQ(CheckKeyPattern(">"), KeyProblem::kNone);
  EXPECT_EQ(CheckKeyPattern("orders.>.created"), KeyProblem::kBadCharacter);
  EXPECT_EQ(CheckKeyPattern("orders.a*"), KeyProblem::kBadCharacter);
  EXPECT_EQ(CheckKeyPattern("orders."), KeyProblem::kEmptyToken);
  EXPECT_EQ(CheckKeyPattern(""), KeyProblem::kEmpty);
}

}  // namespace
}  // namespace sequin
