// Delays double, stop at their limit, and are spread by a fifth.
#include "queue/backoff.h"

#include <gtest/gtest.h>

namespace sequin {
namespace {

constexpr uint64_t kMiddle = uint64_t{1} << 63;  // spread of exactly 1

TEST(Backoff, DoublesWithEachAttempt) {
  EXPECT_EQ(BackoffDelay(5000, 1000000, 1, kMiddle), 5000);
  EXPECT_EQ(BackoffDelay(5000, 1000000, 2, kMiddle), 10000);
  EXPECT_EQ(BackoffDelay(5000, 1000000, 5, kMiddle), 80000);
}

TEST(Backoff, StopsAtTheLimit) {
  EXPECT_EQ(BackoffDelay(5000, 60000, 5, kMiddle), 60000);
  EXPECT_EQ(BackoffDelay(5000, 60000, 65535, kMiddle), 60000);
  EXPECT_EQ(BackoffDelay(5000, INT64_MAX, 65535, 0) > 0, true);
}

TEST(Backoff, NoBaseIsNoDelay) {
  EXPECT_EQ(BackoffDelay(0, 60000, 7, kMiddle), 0);
}

TEST(Backoff, IsSpreadByAFifthEachWay) {
  EXPECT_EQ(BackoffDelay(1000, 60000, 1, 0), 800);
  int64_t most = BackoffDelay(1000, 60000, 1, UINT64_MAX);
  EXPECT_GE(most, 1199);
  EXPECT_LE(most, 1200);
}

TEST(Backoff, AListIsKeptToTheLetterAndItsLastElementRepeats) {
  const int64_t delays[] = {1000, 0, 60000};
  EXPECT_EQ(ListedDelay(delays, 3, 1), 1000);
  EXPECT_EQ(ListedDelay(delays, 3, 2), 0);
  EXPECT_EQ(ListedDelay(delays, 3, 3), 60000);
  EXPECT_EQ(ListedDelay(delays, 3, 65535), 60000);
}

TEST(Backoff, JitterIsThatOfTheDelivery) {
  EXPECT_EQ(JitterOf(123, 4), JitterOf(123, 4));
  EXPECT_NE(JitterOf(123, 4), JitterOf(123, 5));
  EXPECT_NE(JitterOf(123, 4), JitterOf(124, 4));
  int high = 0;
  for (int32_t position = 0; position < 1000; position++) high += JitterOf(7, position) >> 63 != 0;
  EXPECT_GT(high, 400);
  EXPECT_LT(high, 600);
}

}  // namespace
}  // namespace sequin
