// Entries: what is written is read, and damaged bytes are noticed, never followed.
#include "change/entry_codec.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace sequin {
namespace {

std::string Encode(const std::vector<Entry>& entries, int64_t base_ord) {
  EntryWriter writer(base_ord);
  std::string bytes;
  char buffer[kEntryBytesMax];
  for (const Entry& entry : entries) bytes.append(buffer, writer.Write(entry, buffer));
  return bytes;
}

std::vector<Entry> Decode(const std::string& bytes, int64_t base_ord, bool* damaged) {
  EntryReader reader(bytes.data(), bytes.size(), base_ord);
  std::vector<Entry> entries;
  Entry entry;
  while (reader.Read(&entry)) entries.push_back(entry);
  *damaged = reader.Damaged();
  return entries;
}

void ExpectSame(const Entry& a, const Entry& b) {
  EXPECT_EQ(a.ord, b.ord);
  EXPECT_EQ(a.seq, b.seq);
  EXPECT_EQ(a.group, b.group);
  EXPECT_EQ(a.second_group, b.second_group);
  EXPECT_EQ(a.relation, b.relation);
  EXPECT_EQ(a.attempts, b.attempts);
  EXPECT_EQ(a.deliveries, b.deliveries);
  EXPECT_EQ(a.flags, b.flags);
}

void ExpectRoundTrip(const std::vector<Entry>& entries, int64_t base_ord) {
  bool damaged;
  std::vector<Entry> back = Decode(Encode(entries, base_ord), base_ord, &damaged);
  EXPECT_FALSE(damaged);
  ASSERT_EQ(back.size(), entries.size());
  for (size_t i = 0; i < back.size(); i++) ExpectSame(entries[i], back[i]);
}

Entry RandomEntry(std::mt19937_64& random) {
  Entry entry;
  entry.ord = static_cast<int64_t>(random() >> (2 + random() % 60));
  entry.seq = static_cast<int64_t>(random() >> (2 + random() % 60));
  entry.group = random();
  entry.flags = random() & kEntryFlags;
  if (entry.Has(kSecondGroup)) entry.second_group = random();
  entry.relation = static_cast<uint32_t>(random() % 3 ? 16384 : random());
  if (random() % 2) entry.attempts = static_cast<uint16_t>(random());
  if (random() % 2) entry.deliveries = static_cast<uint16_t>(random());
  return entry;
}

TEST(EntryCodec, AnEmptyListIsNoBytes) {
  ExpectRoundTrip({}, 5);
}

TEST(EntryCodec, EveryFlagSurvives) {
  for (int flags = 0; flags <= kEntryFlags; flags++) {
    Entry entry{7, 9, 0x1122334455667788, 0, 16400, 0, 0, static_cast<uint8_t>(flags)};
    if (entry.Has(kSecondGroup)) entry.second_group = 42;
    ExpectRoundTrip({entry, entry}, 7);
  }
}

TEST(EntryCodec, ConsecutiveEntriesOfOneTableNeedTenBytes) {
  std::string bytes = Encode({{1, 1, 3, 0, 5, 0, 0, 0}, {2, 2, 4, 0, 5, 0, 0, 0}}, 1);
  EXPECT_EQ(bytes.size(), 14u + 10u);
}

TEST(EntryCodec, RandomListsSurvive) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 2000; round++) {
    std::vector<Entry> entries(random() % 20);
    for (Entry& entry : entries) entry = RandomEntry(random);
    ExpectRoundTrip(entries, static_cast<int64_t>(random() % 1000));
  }
}

TEST(EntryCodec, EveryCutInsideAnEntryIsDamage) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 300; round++) {
    std::string bytes = Encode({RandomEntry(random)}, 0);
    for (size_t cut = 1; cut < bytes.size(); cut++) {
      bool damaged;
      Decode(bytes.substr(0, cut), 0, &damaged);
      EXPECT_TRUE(damaged);
    }
  }
}

TEST(EntryCodec, TheReservedBitIsDamage) {
  std::string bytes = Encode({{1, 1, 3, 0, 5, 0, 0, 0}}, 1);
  bytes[0] = static_cast<char>(bytes[0] | 0x80);
  bool damaged;
  EXPECT_TRUE(Decode(bytes, 1, &damaged).empty());
  EXPECT_TRUE(damaged);
}

TEST(EntryCodec, RandomBytesEndInEntriesOrDamage) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 20000; round++) {
    std::string bytes(random() % 64, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    bool damaged;
    EXPECT_LE(Decode(bytes, static_cast<int64_t>(random() >> 1), &damaged).size(), bytes.size());
  }
}

}  // namespace
}  // namespace sequin
