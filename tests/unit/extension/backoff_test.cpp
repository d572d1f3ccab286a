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

}  // namespace
}  // namespace sequin
