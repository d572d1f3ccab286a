// The small readers: uuids, addresses, names, dates, array literals, SQLSTATEs.
#include <gtest/gtest.h>

#include "base/http_date.h"
#include "base/ip_address.h"
#include "base/nearest_name.h"
#include "base/uuid.h"
#include "pg/array_literal.h"
#include "pg/statement.h"

namespace sequin {
namespace {

TEST(Uuid, IsReadInCanonicalLowerCase) {
  EXPECT_EQ(ParseUuid("AB0ED646-c2c2-40f9-b9f6-081d171b762a"),
            "ab0ed646-c2c2-40f9-b9f6-081d171b762a");
}

TEST(Uuid, RefusesEveryOtherForm) {
  for (const char* text :
       {"", "ab0ed646c2c240f9b9f6081d171b762a", "{ab0ed646-c2c2-40f9-b9f6-081d171b762a}",
        "ab0ed646-c2c2-40f9-b9f6-081d171b762", "ab0ed646-c2c2-40f9-b9f6-081d171b762g",
        "ab0ed646-c2c2-40f9-b9f6-081d171b762a ", "ab0ed646_c2c2-40f9-b9f6-081d171b762a"}) {
    EXPECT_FALSE(ParseUuid(text)) << text;
  }
}

TEST(Cidr, ContainsItsAddressesAndNoOthers) {
  const auto range = ParseCidr("172.16.0.0/12");
  ASSERT_TRUE(range);
  EXPECT_TRUE(range->Contains(*ParseIpAddress("172.16.0.0")));
  EXPECT_TRUE(range->Contains(*ParseIpAddress("172.31.255.255")));
  EXPECT_FALSE(range->Contains(*ParseIpAddress("172.32.0.0")));
  EXPECT_FALSE(range->Contains(*ParseIpAddress("::1")));
}

TEST(Cidr, WithoutAPrefixIsOneAddress) {
  const auto range = ParseCidr("::1");
  ASSERT_TRUE(range);
  EXPECT_TRUE(range->Contains(*ParseIpAddress("::1")));
  EXPECT_FALSE(range->Contains(*ParseIpAddress("::2")));
}

TEST(Cidr, OfLengthZeroContainsTheWholeFamily) {
  EXPECT_TRUE(ParseCidr("0.0.0.0/0")->Contains(*ParseIpAddress("8.8.8.8")));
}

TEST(Cidr, RefusesTyposInsteadOfRounding) {
  for (const char* text : {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "x", "::1/129",
                           "10.0.0.0/-1", "10.0.0.0/8x"}) {
    EXPECT_FALSE(ParseCidr(text)) << text;
  }
}

TEST(Endpoint, IsAnAddressAndAPort) {
  EXPECT_EQ(ParseEndpoint("127.0.0.1:7376")->ToString(), "127.0.0.1:7376");
  EXPECT_EQ(ParseEndpoint("[::1]:80")->ToString(), "[::1]:80");
  EXPECT_EQ(ParseEndpoint("localhost:0")->ToString(), "127.0.0.1:0");
}

TEST(Endpoint, RefusesWhatIsNotOne) {
  for (const char* text : {"127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80", ":80",
                           "[127.0.0.1]:80", "example.com:80", "127.0.0.1:8o"}) {
    EXPECT_FALSE(ParseEndpoint(text)) << text;
  }
}

TEST(NearestName, FindsATypoAndLeavesStrangersAlone) {
  const std::vector<std::string> names = {"--database", "--listen", "--poll-interval-ms"};
  EXPECT_EQ(NearestName("--databse", names), "--database");
  EXPECT_EQ(NearestName("--poll-intervall", names), "--poll-interval-ms");
  EXPECT_EQ(NearestName("--xyz", {"--poll-interval-ms"}), "");
}

TEST(ImfFixdate, IsWrittenAndReadBack) {
  EXPECT_EQ(ImfFixdate(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(ParseImfFixdate("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
}

TEST(ImfFixdate, RefusesOtherFormsAndImpossibleDates) {
  for (const char* text : {"Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                           "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET",
                           "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT",
                           "xxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}) {
    EXPECT_FALSE(ParseImfFixdate(text)) << text;
  }
}

TEST(ArrayLiteral, QuotesWhatItHolds) {
  ArrayLiteral array(5, 4);
  array.AddPlain("a-1");
  array.AddNull();
  for (const char* text : {"say \"x\\y\"", "{,}", ""}) array.Add(text);
  EXPECT_EQ(std::move(array).Take(), R"({a-1,NULL,"say \"x\\y\"","{,}",""})");
  EXPECT_EQ(ArrayLiteral(0, 0).Take(), "{}");
}

TEST(SqlState, TellsWhatALaterTryMayCure) {
  EXPECT_EQ(KindOfSqlState("42704"), ErrorKind::kNotFound);
  for (const char* state : {"", "08006", "25006", "25P03", "40001", "53100", "53300", "55P03",
                            "57014", "57P01", "57P03", "58030"}) {
    EXPECT_EQ(KindOfSqlState(state), ErrorKind::kUnavailable) << state;
  }
  for (const char* state : {"22023", "42501", "25001", "XX000"}) {
    EXPECT_EQ(KindOfSqlState(state), ErrorKind::kDatabase) << state;
  }
}

}  // namespace
}  // namespace sequin
