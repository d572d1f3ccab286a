// The WAL message of a publish, there and back.
#include "stream/publish_message.h"

#include <gtest/gtest.h>

#include <string>

namespace sequin {
namespace {

std::string Written(const PublishMessage& message) {
  std::string bytes(PublishMessageBytes(message), '\0');
  WritePublishMessage(message, bytes.data());
  return bytes;
}

TEST(PublishMessage, ComesBackAsItWas) {
  PublishMessage message;
  message.stream = -7;
  message.flags = kPublishCompact | kPublishJson | kPublishDelayed;
  message.deliver_at = -123456789012345;
  message.key = "orders.7";
  message.data = "{\"a\":1}";
  message.headers = "{\"h\":2}";
  std::string bytes = Written(message);
  PublishMessage read;
  ASSERT_TRUE(ReadPublishMessage(bytes, &read));
  EXPECT_EQ(read.stream, message.stream);
  EXPECT_EQ(read.flags, message.flags);
  EXPECT_EQ(read.deliver_at, message.deliver_at);
  EXPECT_EQ(read.key, message.key);
  EXPECT_EQ(read.data, message.data);
  EXPECT_EQ(read.headers, message.headers);
}

TEST(PublishMessage, EmptyTextsStayEmpty) {
  PublishMessage message;
  message.key = "k";
  std::string bytes = Written(message);
  PublishMessage read;
  ASSERT_TRUE(ReadPublishMessage(bytes, &read));
  EXPECT_EQ(read.key, "k");
  EXPECT_TRUE(read.data.empty());
  EXPECT_TRUE(read.headers.empty());
}

TEST(PublishMessage, WhatIsCutShortIsRefused) {
  PublishMessage message;
  message.flags = kPublishDelayed;
  message.key = "key";
  message.data = "data";
  std::string bytes = Written(message);
  PublishMessage read;
  for (size_t size = 0; size < bytes.size(); size++) {
    EXPECT_FALSE(ReadPublishMessage(std::string_view(bytes).substr(0, size), &read)) << size;
  }
  bytes[0] = 2;
  EXPECT_FALSE(ReadPublishMessage(bytes, &read));
}

}  // namespace
}  // namespace sequin
