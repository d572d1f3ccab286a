// JSON strings: what is escaped, and that nothing is lost by it.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "change/json_escape.h"

namespace sequin {
namespace {

std::string Escape(const std::string& in) {
  std::string out(in.size() * kJsonEscapedBytesMax, '?');
  out.resize(JsonEscape(in.data(), in.size(), out.data()));
  return out;
}

// RFC 8259, section 7; escapes of bytes only, as JsonEscape writes them.
std::string Unescape(const std::string& in) {
  static const std::string kLetters = "\"\\bfnrt";
  static const std::string kBytes = "\"\\\b\f\n\r\t";
  std::string out;
  for (size_t i = 0; i < in.size(); i++) {
    if (in[i] != '\\') {
      out += in[i];
    } else if (in[++i] == 'u') {
      out += static_cast<char>(std::stoi(in.substr(i + 1, 4), nullptr, 16));
      i += 4;
    } else {
      out += kBytes.at(kLetters.find(in[i]));
    }
  }
  return out;
}

TEST(JsonEscape, WritesTheShortFormsWhereThereAreAny) {
  EXPECT_EQ(Escape("\"\\\b\f\n\r\t"), "\\\"\\\\\\b\\f\\n\\r\\t");
}

TEST(JsonEscape, WritesOtherControlCharactersAsHex) {
  EXPECT_EQ(Escape(std::string("\x00\x01\x1f\x7f", 4)), "\\u0000\\u0001\\u001f\\u007f");
}

TEST(JsonEscape, LeavesBytesAboveAsciiAlone) {
  std::string bytes;
  for (int byte = 0x80; byte <= 0xff; byte++) bytes += static_cast<char>(byte);
  EXPECT_EQ(Escape(bytes), bytes);
}

TEST(JsonEscape, TreatsAByteTheSameAtEveryPlaceOfAWord) {
  for (int byte = 0; byte <= 0xff; byte++) {
    std::string alone = Escape(std::string(1, static_cast<char>(byte)));
    for (size_t place = 0; place < 24; place++) {
      std::string in(24, 'x');
      in[place] = static_cast<char>(byte);
      std::string expected = std::string(place, 'x') + alone + std::string(23 - place, 'x');
      EXPECT_EQ(Escape(in), expected) << "byte " << byte << " at " << place;
    }
  }
}

TEST(JsonEscape, LosesNothingAndLeavesNoControlCharacter) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; round++) {
    std::string in(random() % 100, ' ');
    for (char& c : in)
      c = static_cast<char>(random() % 3 ? random() : "\"\\\n\x7f\x01 a"[random() % 7]);
    std::string out = Escape(in);
    EXPECT_EQ(Unescape(out), in);
    for (char c : out) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  }
}

TEST(JsonEscape, WordsOfPlainBytesArePlain) {
  uint64_t word;
  memcpy(&word, "plain te", 8);
  EXPECT_TRUE(JsonPlainWord(word));
  memcpy(&word, "\xc3\xbc\xff\x80~!#[", 8);
  EXPECT_TRUE(JsonPlainWord(word));
}

}  // namespace
}  // namespace sequin
