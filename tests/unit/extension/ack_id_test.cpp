// ack_id: every field survives, and foreign uuids are told apart.
#include "queue/ack_id.h"

#include <gtest/gtest.h>

namespace sequin {
namespace {

AckId RoundTrip(const AckId& id) {
  uint8_t bytes[16];
  EncodeAckId(id, bytes);
  AckId back{};
  EXPECT_TRUE(DecodeAckId(bytes, &back));
  return back;
}

TEST(AckId, FieldsSurviveAtTheirLimits) {
  for (int64_t claim : {int64_t{0}, int64_t{1}, int64_t{0x123456789abc}, kClaimNumberMax}) {
    for (int32_t position : {0, 1, 15, 16, 9999, kAckPositionMax}) {
      for (int64_t nonce : {int64_t{0}, int64_t{0x3edcba987654321}, kNonceMask}) {
        AckId back = RoundTrip({claim, position, nonce});
        EXPECT_EQ(back.claim, claim);
        EXPECT_EQ(back.position, position);
        EXPECT_EQ(back.nonce, nonce);
      }
    }
  }
}

TEST(AckId, IsAVersion8Uuid) {
  uint8_t bytes[16];
  EncodeAckId({kClaimNumberMax, kAckPositionMax, kNonceMask}, bytes);
  EXPECT_EQ(bytes[6] >> 4, 8);
  EXPECT_EQ(bytes[8] >> 6, 2);
}

TEST(AckId, OtherVersionsAndVariantsAreRefused) {
  uint8_t bytes[16];
  AckId id;
  EncodeAckId({7, 3, 99}, bytes);
  bytes[6] = static_cast<uint8_t>(0x40 | (bytes[6] & 15));
  EXPECT_FALSE(DecodeAckId(bytes, &id));
  EncodeAckId({7, 3, 99}, bytes);
  bytes[8] = static_cast<uint8_t>(0xc0 | bytes[8]);
  EXPECT_FALSE(DecodeAckId(bytes, &id));
}

}  // namespace
}  // namespace sequin
