// JSON string escaping (RFC 8259, section 7), without server headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sequin {

inline constexpr size_t kJsonEscapedBytesMax = 6;  // per input byte: \u00XX

// True when the byte stands for itself inside a JSON string.
inline bool JsonPlainByte(unsigned char byte) {
  return byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7f;
}

// True when each of eight bytes stands for itself; false also for some that do. Each line below has
// the high bit of the bytes that are smaller than 0x20, or equal to one of the three.
inline bool JsonPlainWord(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101u;
  constexpr uint64_t kHighs = 0x8080808080808080u;
  auto zeros = [](uint64_t w) { return (w - kOnes) & ~w; };
  uint64_t special = (word - kOnes * 0x20) & ~word;
  special |= zeros(word ^ kOnes * '"') | zeros(word ^ kOnes * '\\') | zeros(word ^ kOnes * 0x7f);
  return (special & kHighs) == 0;
}

// Writes the escaped form of `in` to `out` (room: kJsonEscapedBytesMax * size); returns its length.
// Bytes above 0x7f pass through: the database guarantees its encoding.
inline size_t JsonEscape(const char* in, size_t size, char* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  char* p = out;
  size_t i = 0;
  while (i < size) {
    for (uint64_t word; size - i >= sizeof(word); i += sizeof(word), p += sizeof(word)) {
      memcpy(&word, in + i, sizeof(word));
      if (!JsonPlainWord(word)) break;
      memcpy(p, &word, sizeof(word));
    }
    size_t start = i;
    while (i < size && JsonPlainByte(static_cast<unsigned char>(in[i]))) i++;
    memcpy(p, in + start, i - start);
    p += i - start;
    if (i == size) break;
    unsigned char byte = static_cast<unsigned char>(in[i++]);
    *p++ = '\\';
    switch (byte) {
      case '"':
      case '\\':
        *p++ = static_cast<char>(byte);
        break;
      case '\b':
        *p++ = 'b';
        break;
      case '\f':
        *p++ = 'f';
        break;
      case '\n':
        *p++ = 'n';
        break;
      case '\r':
        *p++ = 'r';
        break;
      case '\t':
        *p++ = 't';
        break;
      default:
        memcpy(p, "u00", 3);
        p[3] = kHex[byte >> 4];
        p[4] = kHex[byte & 15];
        p += 5;
    }
  }
  return static_cast<size_t>(p - out);
}

}  // namespace sequin
