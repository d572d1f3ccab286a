// Members of JSON objects are found by name, whatever is around them.
#include "change/json_fields.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace sequin {
namespace {

TEST(JsonMember, FindsEveryKindOfValue) {
  std::string_view object =
      R"({"n":-1.5e3,"s":"a,}\"b","o":{"n":1,"x":[1,{"y":2}]},"a":[1,"]",{}],"t":true,"z":null})";
  EXPECT_EQ(JsonMember(object, "n"), "-1.5e3");
  EXPECT_EQ(JsonMember(object, "s"), R"("a,}\"b")");
  EXPECT_EQ(JsonMember(object, "o"), R"({"n":1,"x":[1,{"y":2}]})");
  EXPECT_EQ(JsonMember(object, "a"), R"([1,"]",{}])");
  EXPECT_EQ(JsonMember(object, "t"), "true");
  EXPECT_EQ(JsonMember(object, "z"), "null");
}

TEST(JsonMember, InnerMembersAreNotFound) {
  EXPECT_EQ(JsonMember(R"({"o":{"n":1},"n":2})", "n"), "2");
  EXPECT_EQ(JsonMember(R"({"o":{"x":1}})", "x"), "");
}

TEST(JsonMember, SpaceIsNotPartOfTheValue) {
  EXPECT_EQ(JsonMember(" { \"a\" : 1 , \"b\" : [ 2 ] } ", "a"), "1");
  EXPECT_EQ(JsonMember(" { \"a\" : 1 , \"b\" : [ 2 ] } ", "b"), "[ 2 ]");
}

TEST(JsonMember, EscapedNamesAreDecoded) {
  EXPECT_EQ(JsonMember(R"({"a\"b\\c\n":1})", "a\"b\\c\n"), "1");
  EXPECT_EQ(JsonMember(R"({"\u00e9\ud83d\ude00":2})", "é😀"), "2");
  EXPECT_EQ(JsonMember(R"({"é":3})", "é"), "3");
  EXPECT_EQ(JsonMember(R"({"a\\n":4})", "a\n"), "");
}

TEST(JsonMember, DamagedTextGivesNothing) {
  for (std::string_view text : {"", "{", "[]", "null", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":[1",
                                "{\"a\":\"x", "{\"b\":1 \"a\":2}", "{\"\\u12\":1}"}) {
    EXPECT_EQ(JsonMember(text, "a"), "") << text;
  }
}

TEST(JsonMember, RandomBytesNeverLeadOutside) {
  std::mt19937_64 random(4);
  static constexpr char kAlphabet[] = "{}[]\",:\\ua1 \n\0";
  for (int round = 0; round < 100000; round++) {
    std::string text(random() % 24, ' ');
    for (char& c : text) c = kAlphabet[random() % (sizeof(kAlphabet) - 1)];
    JsonMember(text, "a");
  }
}

}  // namespace
}  // namespace sequin
