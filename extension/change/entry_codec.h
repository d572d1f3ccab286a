// Entries: what a route, a claim and a held row say about one message, and their byte format.
//
// No server headers: unit tests and fuzzers run this under sanitizers.
//
//   list    := entry*
//   entry   := lead  [ord_gap]  seq_step  group  [second_group]  [relation]  [counts]
//   lead    := 1 byte: bits 0..3 = EntryFlag, bit 4 = ord_gap follows, bit 5 = relation follows,
//              bit 6 = counts follow, bit 7 = 0
//   ord_gap := zigzag varint, ord − (previous ord + 1); absent when 0
//   seq_step:= zigzag varint, seq − previous seq
//   group, second_group := 8 bytes little endian
//   relation:= 4 bytes little endian; absent when equal to the previous entry's
//   counts  := varint attempts, varint deliveries; absent when both are 0
//   Before the first entry: previous ord = base_ord − 1 (given by the row), seq = 0, relation = 0.
//   varint  := LEB128, 7 bits a byte, low bits first (as in Protocol Buffers)
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sequin {

enum EntryFlag : uint8_t {
  kSecondGroup = 1,  // a key update: belongs to the old and the new key's group
  kBarrier = 2,      // TRUNCATE: before and after everything of its relation
  kCandidate = 4,    // the filter is evaluated when it is claimed
  kShadow = 8,       // held only: the copy in the queue of the second group
};
inline constexpr uint8_t kEntryFlags = 0x0f;

struct Entry {
  int64_t ord = 0;  // position in the consumer's route
  int64_t seq = 0;  // position in the log
  uint64_t group = 0;
  uint64_t second_group = 0;  // with kSecondGroup only
  uint32_t relation = 0;      // OID of the published table; what a barrier stops
  uint16_t attempts = 0;      // failed attempts so far
  uint16_t deliveries = 0;    // times it was handed out so far
  uint8_t flags = 0;

  bool Has(EntryFlag flag) const { return (flags & flag) != 0; }
};

inline constexpr size_t kEntryBytesMax = 1 + 10 + 10 + 8 + 8 + 4 + 3 + 3;

namespace codec {
inline constexpr uint8_t kOrdGap = 0x10;
inline constexpr uint8_t kRelation = 0x20;
inline constexpr uint8_t kCounts = 0x40;

inline char* PutVarint(char* out, uint64_t value) {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}
inline uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
inline int64_t UnZigZag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}
inline char* PutFixed(char* out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; i++) *out++ = static_cast<char>(value >> (8 * i));
  return out;
}

// Numbers one after the other.
class VarintReader {
 public:
  VarintReader(const char* data, size_t size)
      : p_(reinterpret_cast<const uint8_t*>(data)), end_(p_ + size) {}

  bool Read(uint64_t* value) {
    if (p_ == end_ || damaged_) return false;
    *value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (p_ == end_) break;
      uint8_t byte = *p_++;
      *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return true;
    }
    damaged_ = true;
    return false;
  }
  bool Damaged() const { return damaged_; }

 private:
  const uint8_t* p_;
  const uint8_t* end_;
  bool damaged_ = false;
};
}  // namespace codec

class EntryWriter {
 public:
  explicit EntryWriter(int64_t base_ord) : ord_(base_ord - 1) {}

  // Writes one entry to `out`, which has kEntryBytesMax bytes of room; returns the bytes written.
  size_t Write(const Entry& entry, char* out) {
    int64_t gap = entry.ord - (ord_ + 1);
    bool counts = entry.attempts != 0 || entry.deliveries != 0;
    uint8_t lead = entry.flags & kEntryFlags;
    if (gap != 0) lead |= codec::kOrdGap;
    if (entry.relation != relation_) lead |= codec::kRelation;
    if (counts) lead |= codec::kCounts;

    char* p = out;
    *p++ = static_cast<char>(lead);
    if (gap != 0) p = codec::PutVarint(p, codec::ZigZag(gap));
    p = codec::PutVarint(p, codec::ZigZag(entry.seq - seq_));
    p = codec::PutFixed(p, entry.group, 8);
    if (entry.Has(kSecondGroup)) p = codec::PutFixed(p, entry.second_group, 8);
    if (entry.relation != relation_) p = codec::PutFixed(p, entry.relation, 4);
    if (counts) {
      p = codec::PutVarint(p, entry.attempts);
      p = codec::PutVarint(p, entry.deliveries);
    }
    ord_ = entry.ord;
    seq_ = entry.seq;
    relation_ = entry.relation;
    return static_cast<size_t>(p - out);
  }

 private:
  int64_t ord_;
  int64_t seq_ = 0;
  uint32_t relation_ = 0;
};

class EntryReader {
 public:
  EntryReader(const char* data, size_t size, int64_t base_ord)
      : p_(reinterpret_cast<const uint8_t*>(data)), end_(p_ + size), ord_(base_ord - 1) {}

  // The next entry; false at the end of the list or where its bytes are damaged (Damaged()).
  bool Read(Entry* entry) {
    if (p_ == end_ || damaged_) return false;
    uint8_t lead = *p_++;
    if (lead & 0x80) return Damage();
    *entry = Entry{};
    entry->flags = lead & kEntryFlags;
    int64_t gap = 0;
    uint64_t raw;
    if (lead & codec::kOrdGap) {
      if (!Varint(&raw)) return Damage();
      gap = codec::UnZigZag(raw);
    }
    if (!Varint(&raw)) return Damage();
    entry->ord = ord_ =
        static_cast<int64_t>(static_cast<uint64_t>(ord_) + 1u + static_cast<uint64_t>(gap));
    entry->seq = seq_ = static_cast<int64_t>(static_cast<uint64_t>(seq_) +
                                             static_cast<uint64_t>(codec::UnZigZag(raw)));
    if (!Fixed(&entry->group, 8)) return Damage();
    if (entry->Has(kSecondGroup) && !Fixed(&entry->second_group, 8)) return Damage();
    if (lead & codec::kRelation) {
      if (!Fixed(&raw, 4)) return Damage();
      relation_ = static_cast<uint32_t>(raw);
    }
    entry->relation = relation_;
    if (lead & codec::kCounts) {
      uint64_t attempts, deliveries;
      if (!Varint(&attempts) || !Varint(&deliveries)) return Damage();
      entry->attempts = static_cast<uint16_t>(attempts);
      entry->deliveries = static_cast<uint16_t>(deliveries);
    }
    return true;
  }
  bool Damaged() const { return damaged_; }

 private:
  bool Damage() {
    damaged_ = true;
    return false;
  }
  bool Varint(uint64_t* value) {
    *value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (p_ == end_) return false;
      uint8_t byte = *p_++;
      *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return true;
    }
    return false;
  }
  bool Fixed(uint64_t* value, int bytes) {
    if (end_ - p_ < bytes) return false;
    *value = 0;
    for (int i = 0; i < bytes; i++) *value |= static_cast<uint64_t>(*p_++) << (8 * i);
    return true;
  }

  const uint8_t* p_;
  const uint8_t* end_;
  int64_t ord_;
  int64_t seq_ = 0;
  uint32_t relation_ = 0;
  bool damaged_ = false;
};

}  // namespace sequin
