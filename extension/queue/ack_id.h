// ack_id: which delivery of which message. A UUIDv8 (RFC 9562, section 5.8), so that clients may
// store it as a uuid, made of
//
//   48 bits  claim number           custom_a
//    4 bits  version, 8
//   12 bits  position, high bits    custom_b
//    2 bits  variant, 10
//    4 bits  position, low bits     custom_c, upper part
//   58 bits  nonce of the claim     custom_c, lower part
//
// all big endian. The nonce is random: an ack_id cannot be guessed, and one of a claim that was
// lost in a crash does not fit the claim that got its number.
#pragma once

#include <cstdint>

namespace sequin {

struct AckId {
  int64_t claim;
  int32_t position;
  int64_t nonce;
};

inline constexpr int64_t kClaimNumberMax = (int64_t{1} << 48) - 1;
inline constexpr int32_t kAckPositionMax = (1 << 16) - 1;
inline constexpr int64_t kNonceMask = (int64_t{1} << 58) - 1;

inline void EncodeAckId(const AckId& id, uint8_t out[16]) {
  uint64_t position = static_cast<uint64_t>(id.position);
  uint64_t high = static_cast<uint64_t>(id.claim) << 16 | uint64_t{8} << 12 | position >> 4;
  uint64_t low = uint64_t{2} << 62 | (position & 15) << 58 |
                 (static_cast<uint64_t>(id.nonce) & static_cast<uint64_t>(kNonceMask));
  for (int i = 0; i < 8; i++) {
    out[i] = static_cast<uint8_t>(high >> (56 - 8 * i));
    out[8 + i] = static_cast<uint8_t>(low >> (56 - 8 * i));
  }
}

// False for a uuid that is not one of ours.
inline bool DecodeAckId(const uint8_t in[16], AckId* id) {
  uint64_t high = 0, low = 0;
  for (int i = 0; i < 8; i++) {
    high = high << 8 | in[i];
    low = low << 8 | in[8 + i];
  }
  if ((high >> 12 & 15) != 8 || low >> 62 != 2) return false;
  id->claim = static_cast<int64_t>(high >> 16);
  id->position = static_cast<int32_t>((high & 0xfff) << 4 | (low >> 58 & 15));
  id->nonce = static_cast<int64_t>(low) & kNonceMask;
  return true;
}

}  // namespace sequin
