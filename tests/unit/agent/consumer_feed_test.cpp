// When a claim is made.
#include <gtest/gtest.h>

#include "fake_clock.h"
#include "memory_queue.h"
#include "queue/consumer_feed.h"
#include "queue/payload_budget.h"

namespace sequin {
namespace {

class ConsumerFeedTest : public testing::Test, public FeedOwner {
 protected:
  Demand NextDemand() override {
    if (wanted == 0) return {};
    return {{wanted}};
  }
  void OnClaims(std::vector<Claim> claims, SteadyTime) override {
    for (const Claim& claim : claims) got += claim.size();
  }
  void OnReceiveFailed(const Error&) override { ++failures; }

  void Answer(size_t count) {
    queue.AnswerReceive(std::vector<Claim>{Claim(count, MakeMessage("m"))});
  }

  FakeClock clock;
  MemoryQueue queue;
  int wanted = 10;
  size_t got = 0;
  int failures = 0;
  ConsumerFeed feed{clock, queue, 1, *this};
};

TEST_F(ConsumerFeedTest, ClaimsAgainAfterAFullClaim) {
  feed.Wake();
  Answer(10);
  EXPECT_EQ(queue.receives.size(), 1U);
  EXPECT_EQ(got, 10U);
}

TEST_F(ConsumerFeedTest, WaitsForAWakeAfterAShortClaim) {
  feed.Wake();
  Answer(3);
  EXPECT_TRUE(queue.receives.empty());
  feed.DemandChanged();
  EXPECT_TRUE(queue.receives.empty());
  feed.Wake();
  EXPECT_EQ(queue.receives.size(), 1U);
}

TEST_F(ConsumerFeedTest, ClaimsOnlyOnceAtATime) {
  feed.Wake();
  feed.Wake();
  feed.DemandChanged();
  EXPECT_EQ(queue.receives.size(), 1U);
}

TEST_F(ConsumerFeedTest, DoesNotForgetAWakeThatCameDuringAClaim) {
  feed.Wake();
  feed.Wake();
  Answer(0);
  EXPECT_EQ(queue.receives.size(), 1U);
  Answer(0);
  EXPECT_TRUE(queue.receives.empty());
}

TEST_F(ConsumerFeedTest, ClaimsNothingWithoutDemand) {
  wanted = 0;
  feed.Wake();
  EXPECT_TRUE(queue.receives.empty());
  wanted = 5;
  feed.DemandChanged();
  EXPECT_EQ(queue.receives.size(), 1U);
}

TEST_F(ConsumerFeedTest, WakesItselfWhenParkedWorkIsDue) {
  feed.Wake();
  Answer(0);
  clock.Advance(Millis(10));
  ASSERT_EQ(queue.dues.size(), 1U);
  queue.dues.front()(std::optional<Millis>(Millis(5000)));
  clock.Advance(Millis(4999));
  EXPECT_TRUE(queue.receives.empty());
  clock.Advance(Millis(1));
  EXPECT_EQ(queue.receives.size(), 1U);
}

TEST_F(ConsumerFeedTest, DoesNotSpinWhenDueWorkIsHeldUp) {
  feed.Wake();
  Answer(0);
  clock.Advance(Millis(10));
  queue.dues.front()(std::optional<Millis>(Millis(-5)));
  clock.Advance(Millis(99));
  EXPECT_TRUE(queue.receives.empty());
  clock.Advance(Millis(1));
  EXPECT_EQ(queue.receives.size(), 1U);
}

TEST_F(ConsumerFeedTest, AsksOnceAboutDueTimesForManyShortClaims) {
  for (int i = 0; i < 5; ++i) {
    feed.Wake();
    Answer(1);
  }
  clock.Advance(Millis(100));
  EXPECT_EQ(queue.dues.size(), 1U);
}

TEST_F(ConsumerFeedTest, RetriesAFailedClaimWithGrowingPauses) {
  feed.Wake();
  queue.AnswerReceive(Error{ErrorKind::kUnavailable, "gone"});
  EXPECT_EQ(failures, 1);
  feed.Wake();
  EXPECT_TRUE(queue.receives.empty());
  clock.Advance(Millis(100));
  ASSERT_EQ(queue.receives.size(), 1U);
  queue.AnswerReceive(Error{ErrorKind::kUnavailable, "gone"});
  clock.Advance(Millis(200));
  EXPECT_EQ(queue.receives.size(), 1U);
}

TEST_F(ConsumerFeedTest, StopsForEverButTakesTheLastAnswer) {
  feed.Wake();
  feed.Stop();
  Answer(10);
  EXPECT_EQ(got, 10U);
  feed.Wake();
  clock.Advance(Millis(60000));
  EXPECT_TRUE(queue.receives.empty());
}

TEST(PayloadBudget, AllowsOneMessageWhateverItsSize) {
  PayloadBudget budget(100);
  EXPECT_GE(budget.MessagesThatFit(), 1U);
  budget.Take(1000);
  EXPECT_EQ(budget.MessagesThatFit(), 0U);
  budget.Give(1000);
  EXPECT_GE(budget.MessagesThatFit(), 1U);
}

TEST(PayloadBudget, LearnsTheUsualSize) {
  PayloadBudget budget(1000000);
  for (int i = 0; i < 200; ++i) {
    budget.Take(10000);
    budget.Give(10000);
  }
  EXPECT_NEAR(static_cast<double>(budget.MessagesThatFit()), 100, 2);
}

}  // namespace
}  // namespace sequin
