// The WAL message of a publish: what sequin.publish() writes and decoding reads. No server headers.
//
//   message := version(1) flags(1) stream(4) key_size(2) data_size(4) [deliver_at(8)]
//              key data headers
//   Numbers are little endian; headers take what is left: a JSON object, or nothing for {}.
//   deliver_at (microseconds, as the database counts them) is there with kPublishDelayed only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sequin {

inline constexpr uint8_t kPublishVersion = 1;

enum PublishFlag : uint8_t {
  kPublishCompact = 1,  // the stream keeps one message per key
  kPublishJson = 2,     // data is JSON, else text
  kPublishDelayed = 4,  // it waited in sequin.delayed
};

struct PublishMessage {
  int32_t stream = 0;
  uint8_t flags = 0;
  int64_t deliver_at = 0;
  std::string_view key;
  std::string_view data;
  std::string_view headers;

  bool Has(PublishFlag flag) const { return (flags & flag) != 0; }
};

inline constexpr size_t kPublishHeadBytes = 12;

inline size_t PublishMessageBytes(const PublishMessage& message) {
  return kPublishHeadBytes + (message.Has(kPublishDelayed) ? 8 : 0) + message.key.size() +
         message.data.size() + message.headers.size();
}

namespace publish_message {

inline char* Put(char* out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; i++) *out++ = static_cast<char>(value >> (8 * i));
  return out;
}
inline uint64_t Get(const char* in, int bytes) {
  uint64_t value = 0;
  for (int i = 0; i < bytes; i++) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>(in[i])) << (8 * i);
  }
  return value;
}
inline char* Put(char* out, std::string_view text) {
  if (!text.empty()) memcpy(out, text.data(), text.size());
  return out + text.size();
}

}  // namespace publish_message

// Writes PublishMessageBytes() bytes.
inline void WritePublishMessage(const PublishMessage& message, char* out) {
  using namespace publish_message;
  out = Put(out, kPublishVersion, 1);
  out = Put(out, message.flags, 1);
  out = Put(out, static_cast<uint32_t>(message.stream), 4);
  out = Put(out, message.key.size(), 2);
  out = Put(out, message.data.size(), 4);
  if (message.Has(kPublishDelayed)) out = Put(out, static_cast<uint64_t>(message.deliver_at), 8);
  out = Put(out, message.key);
  out = Put(out, message.data);
  Put(out, message.headers);
}

// False: it is not such a message. The texts point into `in`.
inline bool ReadPublishMessage(std::string_view in, PublishMessage* message) {
  using namespace publish_message;
  if (in.size() < kPublishHeadBytes || Get(in.data(), 1) != kPublishVersion) return false;
  *message = PublishMessage{};
  message->flags = static_cast<uint8_t>(Get(in.data() + 1, 1));
  message->stream = static_cast<int32_t>(Get(in.data() + 2, 4));
  size_t key_size = Get(in.data() + 6, 2);
  size_t data_size = Get(in.data() + 8, 4);
  in.remove_prefix(kPublishHeadBytes);
  if (message->Has(kPublishDelayed)) {
    if (in.size() < 8) return false;
    message->deliver_at = static_cast<int64_t>(Get(in.data(), 8));
    in.remove_prefix(8);
  }
  if (in.size() < key_size || in.size() - key_size < data_size) return false;
  message->key = in.substr(0, key_size);
  message->data = in.substr(key_size, data_size);
  message->headers = in.substr(key_size + data_size);
  return true;
}

}  // namespace sequin
