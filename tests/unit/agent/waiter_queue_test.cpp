// Which receive requests share a claim.
#include <gtest/gtest.h>

#include "pull/waiter_queue.h"

namespace sequin {
namespace {

using Ids = std::vector<WaiterId>;

TEST(WaiterQueue, ServesInTheOrderOfArrival) {
  WaiterQueue queue;
  for (WaiterId id = 1; id <= 3; ++id) queue.Add(id, {static_cast<int>(id) * 10});
  EXPECT_EQ(queue.StartClaim(10, 1000), (Ids{1, 2, 3}));
  EXPECT_EQ(queue.sizes(), (std::vector<int>{10, 20, 30}));
  EXPECT_EQ(queue.unclaimed(), 0U);
}

TEST(WaiterQueue, BoundsTheClaimByClientsAndByMessages) {
  WaiterQueue queue;
  for (WaiterId id = 1; id <= 4; ++id) queue.Add(id, {10});
  EXPECT_EQ(queue.StartClaim(2, 1000), (Ids{1, 2}));
  queue.PutBack(queue.FinishClaim());
  EXPECT_EQ(queue.StartClaim(10, 25), (Ids{1, 2, 3}));
  EXPECT_EQ(queue.sizes(), (std::vector<int>{10, 10, 5}));
}

TEST(WaiterQueue, PutsBackInFrontInTheOldOrder) {
  WaiterQueue queue;
  queue.Add(1, {});
  queue.Add(2, {});
  queue.StartClaim(10, 10);
  queue.Add(3, {});
  queue.PutBack(queue.FinishClaim());
  EXPECT_EQ(queue.StartClaim(10, 10), (Ids{1, 2, 3}));
}

TEST(WaiterQueue, MergesOnlyEqualVisibilityTimeouts) {
  WaiterQueue queue;
  queue.Add(1, {1, Millis(5)});
  queue.Add(2, {1, {}});
  queue.Add(3, {1, Millis(5)});
  EXPECT_EQ(queue.StartClaim(10, 10), (Ids{1, 3}));
  EXPECT_EQ(queue.visibility_timeout(), Millis(5));
  queue.FinishClaim();
  EXPECT_EQ(queue.StartClaim(10, 10), (Ids{2}));
  EXPECT_FALSE(queue.visibility_timeout());
}

TEST(WaiterQueue, KeepsThePlaceOfOneThatLeftDuringItsClaim) {
  WaiterQueue queue;
  queue.Add(1, {});
  queue.Add(2, {});
  queue.StartClaim(10, 10);
  queue.Remove(1);
  EXPECT_FALSE(queue.Has(1));
  EXPECT_EQ(queue.FinishClaim(), (Ids{1, 2}));
  queue.PutBack({1, 2});
  EXPECT_EQ(queue.StartClaim(10, 10), (Ids{2}));
}

TEST(WaiterQueue, KnowsWhoIsInAClaim) {
  WaiterQueue queue;
  queue.Add(1, {});
  EXPECT_TRUE(queue.Waits(1));
  queue.StartClaim(10, 10);
  EXPECT_FALSE(queue.Waits(1));
  EXPECT_TRUE(queue.Has(1));
}

}  // namespace
}  // namespace sequin
