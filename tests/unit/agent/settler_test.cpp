// Merging of settles.
#include <gtest/gtest.h>

#include "fake_clock.h"
#include "memory_queue.h"
#include "queue/settler.h"

namespace sequin {
namespace {

class SettlerTest : public testing::Test {
 protected:
  void Settle(const std::vector<std::string>& ids, Millis patience = Millis(10000)) {
    std::vector<SettleItem> items;
    for (const std::string& id : ids) items.push_back({id, Outcome::kAck});
    const size_t slot = results.size();
    results.emplace_back("-");
    settler.Settle(std::move(items), clock.Now() + patience, [this, slot](auto answer) {
      if (!answer.ok()) {
        results[slot] = "error";
        return;
      }
      results[slot].clear();
      for (const std::string& one : answer.value()) results[slot] += one + ";";
    });
  }

  FakeClock clock;
  MemoryQueue queue;
  SettleLoad load;
  Settler settler{clock, queue, 1, 5, load};
  std::vector<std::string> results;
};

TEST_F(SettlerTest, SendsTheFirstAtOnceAndCollectsTheRest) {
  Settle({"a"});
  Settle({"b"});
  Settle({"c", "d"});
  ASSERT_EQ(queue.settles.size(), 1U);
  EXPECT_EQ(IdsOf(queue.AnswerSettle()), "ack:a");
  ASSERT_EQ(queue.settles.size(), 1U);
  EXPECT_EQ(IdsOf(queue.AnswerSettle()), "ack:b ack:c ack:d");
  EXPECT_EQ(results, (std::vector<std::string>{"ACKED;", "ACKED;", "ACKED;ACKED;"}));
  EXPECT_TRUE(settler.idle());
}

TEST_F(SettlerTest, KeepsAStatementWithinItsLimitButNeverSplitsARequest) {
  Settle({"x"});
  Settle({"a", "b", "c"});
  Settle({"d", "e", "f"});
  Settle({"1", "2", "3", "4", "5", "6", "7"});
  queue.AnswerSettle();
  EXPECT_EQ(IdsOf(queue.AnswerSettle()), "ack:a ack:b ack:c");
  EXPECT_EQ(IdsOf(queue.AnswerSettle()), "ack:d ack:e ack:f");
  EXPECT_EQ(queue.AnswerSettle().size(), 7U);
}

TEST_F(SettlerTest, NamesAnIdOnceInAStatement) {
  Settle({"x"});
  Settle({"a"});
  Settle({"a"});
  queue.AnswerSettle();
  EXPECT_EQ(IdsOf(queue.AnswerSettle("ACKED")), "ack:a");
  EXPECT_EQ(IdsOf(queue.AnswerSettle("ALREADY_ACKED")), "ack:a");
  EXPECT_EQ(results[1], "ACKED;");
  EXPECT_EQ(results[2], "ALREADY_ACKED;");
}

TEST_F(SettlerTest, SaysALostStatementAgain) {
  Settle({"a"});
  queue.FailSettle(ErrorKind::kUnavailable);
  Settle({"b"});
  EXPECT_TRUE(queue.settles.empty());
  clock.Advance(Millis(200));
  ASSERT_EQ(queue.settles.size(), 1U);
  EXPECT_EQ(IdsOf(queue.AnswerSettle()), "ack:a ack:b");
}

TEST_F(SettlerTest, GivesUpWhenTheTimeIsOver) {
  Settle({"a"}, Millis(100));
  Settle({"b"}, Millis(100000));
  clock.Advance(Millis(150));
  queue.FailSettle(ErrorKind::kUnavailable);
  EXPECT_EQ(results[0], "error");
  clock.Advance(Millis(5000));
  EXPECT_EQ(IdsOf(queue.AnswerSettle()), "ack:b");
}

TEST_F(SettlerTest, DoesNotRepeatWhatTheDatabaseRefused) {
  Settle({"a"});
  queue.FailSettle(ErrorKind::kNotFound);
  EXPECT_EQ(results[0], "error");
  clock.Advance(Millis(5000));
  EXPECT_TRUE(queue.settles.empty());
}

TEST_F(SettlerTest, CallsAnIdUnknownThatTheDatabaseDoesNotMention) {
  Settle({"a", "b"});
  MemoryQueue::SettleCall call = std::move(queue.settles.front());
  queue.settles.pop_front();
  call.answer(std::vector<SettleResult>{{"b", "STALE"}});
  EXPECT_EQ(results[0], "UNKNOWN;STALE;");
}

TEST_F(SettlerTest, CountsWhatIsQueuedInTheWholeAgent) {
  Settle({"a"});
  Settle({"b", "c"});
  EXPECT_EQ(load.items, 3U);
  queue.AnswerSettle();
  EXPECT_EQ(load.items, 2U);
  queue.AnswerSettle();
  EXPECT_EQ(load.items, 0U);
}

}  // namespace
}  // namespace sequin
