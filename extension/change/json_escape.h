// JSON string escaping (RFC 8259, section 7), without server headers.
#pragma once

#include <cstddef>
#include <cstring>

namespace sequin {

inline constexpr size_t kJsonEscapedBytesMax = 6;  // per input byte: \u00XX

// True when the byte stands for itself inside a JSON string.
inline bool JsonPlainByte(unsigned char byte) {
  return byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7f;
}

// Writes the escaped form of `in` to `out` (room: kJsonEscapedBytesMax * size); returns its length.
// Bytes above 0x7f pass through: the database guarantees its encoding.
inline size_t JsonEscape(const char* in, size_t size, char* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  char* p = out;
  size_t i = 0;
  while (i < size) {
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
