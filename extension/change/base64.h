// Base64 (RFC 4648), without server headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sequin {

enum class Base64 {
  kStandard,  // section 4, with padding
  kUrl,       // section 5, without
};

inline constexpr size_t Base64BytesMax(size_t size) {
  return size / 3 * 4 + 4;
}

// Writes to `out` (room: Base64BytesMax); returns the length.
inline size_t EncodeBase64(std::string_view in, Base64 kind, char* out) {
  const char* alphabet = kind == Base64::kUrl
                             ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                             : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  char* to = out;
  for (size_t i = 0; i < in.size(); i += 3) {
    size_t left = in.size() - i;
    auto byte = [&](size_t j) {
      return j < left ? static_cast<uint32_t>(static_cast<unsigned char>(in[i + j])) : 0u;
    };
    uint32_t bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (size_t j = 0; j < 4; j++) {
      if (j <= left) {
        *to++ = alphabet[bits >> (18 - 6 * j) & 63];
      } else if (kind == Base64::kStandard) {
        *to++ = '=';
      }
    }
  }
  return static_cast<size_t>(to - out);
}

}  // namespace sequin
