// Delivery of one push consumer, with a queue and endpoints that answer by hand.
#include "push/push_consumer.h"

#include <gtest/gtest.h>

#include "fake_clock.h"
#include "fake_transport.h"
#include "memory_queue.h"
#include "push/webhook.h"

namespace sequin {
namespace {

ConsumerInfo Hooks(int batch_size = 1, int max_in_flight = 4) {
  ConsumerInfo info;
  info.number = 1;
  info.name = "hooks";
  info.kind = ConsumerKind::kPush;
  info.url = "http://example.com/hook";
  info.batch_size = batch_size;
  info.max_in_flight = max_in_flight;
  return info;
}

class PushConsumerTest : public testing::Test {
 protected:
  void Start(ConsumerInfo info = Hooks()) {
    consumer = std::make_unique<PushConsumer>(context, std::move(info));
    consumer->Wake();
  }
  void Claims(std::vector<Claim> claims) { queue.AnswerReceive(std::move(claims)); }
  void Ok(size_t index = 0) { transport.Reply({200}, index); }
  std::string SettledAll() {
    std::string all;
    while (!queue.settles.empty()) {
      if (!all.empty()) all += ' ';
      all += IdsOf(queue.AnswerSettle());
    }
    return all;
  }

  FakeClock clock;
  MemoryQueue queue;
  FakeTransport transport;
  RequestSlots slots{100};
  PayloadBudget budget{1000000};
  SettleLoad load;
  Metrics metrics;
  PushContext context{clock, queue, transport, slots, budget, load, metrics, {}};
  std::unique_ptr<PushConsumer> consumer;
};

TEST_F(PushConsumerTest, ClaimsItsBudgetAndSendsEachMessageAlone) {
  Start();
  EXPECT_EQ(queue.receives.front().sizes, std::vector<int>{4});
  Claims({{MakeMessage("1", 1), MakeMessage("2", 2)}});
  ASSERT_EQ(transport.calls.size(), 2U);
  EXPECT_EQ(transport.calls[0].request.body, "{\"id\":\"1\"}");
  EXPECT_EQ(transport.calls[1].request.body, "{\"id\":\"2\"}");
}

TEST_F(PushConsumerTest, AcksWhatWasAccepted) {
  Start();
  Claims({{MakeMessage("1", 1), MakeMessage("2", 2)}});
  Ok();
  Ok();
  EXPECT_EQ(SettledAll(), "ack:ack-1 ack:ack-2");
  EXPECT_EQ(consumer->claimed(), 0U);
  EXPECT_EQ(budget.held(), 0U);
}

TEST_F(PushConsumerTest, SendsAGroupOneAfterTheOther) {
  Start();
  Claims({{MakeMessage("1", 7), MakeMessage("2", 7), MakeMessage("3", 8)}});
  EXPECT_EQ(transport.Bodies(), "{\"id\":\"1\"}{\"id\":\"3\"}");
  Ok();
  EXPECT_EQ(transport.Bodies(), "{\"id\":\"3\"}{\"id\":\"2\"}");
}

TEST_F(PushConsumerTest, SendsNothingOfAGroupAfterAFailure) {
  Start();
  Claims({{MakeMessage("1", 7), MakeMessage("2", 7), MakeMessage("3", 8)}});
  transport.Reply({500});
  EXPECT_EQ(transport.Bodies(), "{\"id\":\"3\"}");
  Ok();
  // Message 2 is settled by nobody: the database takes it back with message 1.
  EXPECT_EQ(SettledAll(), "nack:ack-1 ack:ack-3");
  EXPECT_EQ(consumer->claimed(), 0U);
  EXPECT_EQ(budget.held(), 0U);
}

TEST_F(PushConsumerTest, PassesOnRetryAfterAndTheError) {
  Start();
  Claims({{MakeMessage("1")}});
  transport.Reply({429, TransportFault::kNone, "", "3"});
  const auto items = queue.AnswerSettle("NACKED");
  EXPECT_EQ(items[0].delay, Millis(3000));
  EXPECT_EQ(items[0].error, "HTTP status 429");
}

TEST_F(PushConsumerTest, NeverHasMoreClaimedThanItsBudget) {
  Start(Hooks(1, 4));
  Claims({{MakeMessage("1"), MakeMessage("2"), MakeMessage("3"), MakeMessage("4")}});
  EXPECT_TRUE(queue.receives.empty());
  Ok();
  // The database would not give one more before it knows of the outcome.
  EXPECT_TRUE(queue.receives.empty());
  queue.AnswerSettle();
  ASSERT_EQ(queue.receives.size(), 1U);
  EXPECT_EQ(queue.receives.front().sizes, std::vector<int>{1});
}

TEST_F(PushConsumerTest, HasItsBudgetBackAfterASettleThatFailed) {
  Start(Hooks(1, 1));
  Claims({{MakeMessage("1")}});
  Ok();
  queue.FailSettle(ErrorKind::kNotFound);
  EXPECT_EQ(queue.receives.size(), 1U);
}

TEST_F(PushConsumerTest, ClaimsWithinADefaultBudgetBeforeItsOutcomesAreSettled) {
  Start(Hooks(1, 0));
  Claim claim(256);
  for (size_t i = 0; i < claim.size(); ++i) claim[i] = MakeMessage(std::to_string(i));
  Claims({std::move(claim)});
  while (!transport.calls.empty()) Ok();
  ASSERT_FALSE(queue.receives.empty());
}

TEST_F(PushConsumerTest, HasADefaultBudget) {
  Start(Hooks(1, 0));
  EXPECT_EQ(queue.receives.front().sizes, std::vector<int>{256});
}

TEST_F(PushConsumerTest, WaitsAMomentForAClaimWorthItsRoundTrip) {
  Start(Hooks(1, 8));
  Claim claim;
  for (const char* id : {"1", "2", "3", "4", "5", "6", "7", "8"}) claim.push_back(MakeMessage(id));
  Claims({claim});
  Ok();
  queue.AnswerSettle();
  EXPECT_TRUE(queue.receives.empty());
  clock.Advance(Millis(5));
  ASSERT_EQ(queue.receives.size(), 1U);
  EXPECT_EQ(queue.receives.front().sizes, std::vector<int>{1});
}

TEST_F(PushConsumerTest, SendsABatchAsOneRequestAndSettlesItAsOne) {
  Start(Hooks(2, 4));
  EXPECT_EQ(queue.receives.front().sizes, (std::vector<int>{2, 2}));
  Claims({{MakeMessage("1", 7), MakeMessage("2", 7)}, {MakeMessage("3", 8)}});
  ASSERT_EQ(transport.calls.size(), 2U);
  EXPECT_EQ(transport.calls[0].request.body, "{\"data\":[{\"id\":\"1\"},{\"id\":\"2\"}]}");
  EXPECT_EQ(transport.calls[1].request.body, "{\"data\":[{\"id\":\"3\"}]}");
  transport.Reply({500});
  Ok();
  EXPECT_EQ(SettledAll(), "nack:ack-1 nack:ack-2 ack:ack-3");
}

TEST_F(PushConsumerTest, MergesAcksWhileASettleIsUnderWay) {
  Start(Hooks(1, 4));
  Claims({{MakeMessage("1"), MakeMessage("2"), MakeMessage("3")}});
  Ok();
  Ok();
  Ok();
  EXPECT_EQ(IdsOf(queue.AnswerSettle()), "ack:ack-1");
  EXPECT_EQ(IdsOf(queue.AnswerSettle()), "ack:ack-2 ack:ack-3");
}

TEST_F(PushConsumerTest, BoundsARequestByItsClaim) {
  ConsumerInfo info = Hooks();
  info.visibility_timeout = Millis(10000);
  info.request_timeout = Millis(60000);
  Start(info);
  clock.Advance(Millis(2000));
  Claims({{MakeMessage("1")}});
  EXPECT_EQ(transport.calls[0].request.timeout, Millis(7500));
}

TEST_F(PushConsumerTest, GivesBackWhatItCannotSendInTime) {
  ConsumerInfo info = Hooks();
  info.visibility_timeout = Millis(10000);
  Start(info);
  Claims({{MakeMessage("1", 7), MakeMessage("2", 7)}});
  clock.Advance(Millis(9000));
  Ok();
  EXPECT_TRUE(transport.calls.empty());
  EXPECT_EQ(SettledAll(), "ack:ack-1 release:ack-2");
}

TEST_F(PushConsumerTest, PausesAfterTroubleOfOurOwn) {
  Start();
  Claims({{MakeMessage("1")}});
  transport.Reply({0, TransportFault::kLocal, "no file descriptor"});
  EXPECT_EQ(SettledAll(), "release:ack-1");
  consumer->Wake();
  EXPECT_TRUE(queue.receives.empty());
  clock.Advance(Millis(1000));
  EXPECT_EQ(queue.receives.size(), 1U);
}

TEST_F(PushConsumerTest, SharesTheRequestsOfTheAgent) {
  RequestSlots one_slot(1);
  PushContext small{clock, queue, transport, one_slot, budget, load, metrics, {}};
  PushConsumer first(small, Hooks());
  first.Wake();
  Claims({{MakeMessage("1"), MakeMessage("2")}});
  EXPECT_EQ(transport.calls.size(), 1U);
  Ok();
  EXPECT_EQ(transport.Bodies(), "{\"id\":\"2\"}");
}

TEST_F(PushConsumerTest, StopsClaimingWhileTooManySettlesWait) {
  load.items_max = 1;
  Start();
  Claims({{MakeMessage("1"), MakeMessage("2"), MakeMessage("3"), MakeMessage("4")}});
  while (!transport.calls.empty()) Ok();
  EXPECT_TRUE(queue.receives.empty());
  SettledAll();
  EXPECT_EQ(queue.receives.size(), 1U);
}

TEST_F(PushConsumerTest, GivesBackWhatWasNotSentWhenItRetires) {
  context.settings.requests_max = 1;
  Start();
  Claims({{MakeMessage("1", 7), MakeMessage("2", 7), MakeMessage("3", 8)}});
  consumer->Retire();
  EXPECT_FALSE(consumer->idle());
  Ok();
  Ok();
  EXPECT_EQ(SettledAll(), "ack:ack-1 release:ack-2 ack:ack-3");
  EXPECT_TRUE(consumer->idle());
}

TEST_F(PushConsumerTest, GivesBackAClaimThatComesAfterItRetired) {
  Start();
  consumer->Retire();
  EXPECT_FALSE(consumer->idle());
  Claims({{MakeMessage("1", 7), MakeMessage("2", 7)}});
  EXPECT_TRUE(transport.calls.empty());
  // The first of the group; the second comes back with it.
  EXPECT_EQ(SettledAll(), "release:ack-1");
  EXPECT_TRUE(consumer->idle());
}

TEST_F(PushConsumerTest, ClaimsNothingWhilePaused) {
  ConsumerInfo info = Hooks();
  info.status = ConsumerStatus::kPaused;
  Start(info);
  EXPECT_TRUE(queue.receives.empty());
  info.status = ConsumerStatus::kActive;
  consumer->Update(info);
  EXPECT_EQ(queue.receives.size(), 1U);
}

class BusyPushConsumerTest : public PushConsumerTest {
 protected:
  void SetUp() override {
    consumer = std::make_unique<PushConsumer>(busy, Hooks(1, 200));
    consumer->Wake();
    Claim claim;
    for (int i = 0; i < 200; ++i) claim.push_back(MakeMessage(std::to_string(i)));
    Claims({std::move(claim)});
    ASSERT_EQ(transport.calls.size(), 200U);
  }
  void Oks(size_t count) {
    for (size_t i = 0; i < count; ++i) Ok();
  }

  RequestSlots many_slots{300};
  PushContext busy{clock, queue, transport, many_slots, budget, load, metrics, {}};
};

TEST_F(BusyPushConsumerTest, CollectsOutcomesForAMoment) {
  Oks(10);
  EXPECT_TRUE(queue.settles.empty());
  EXPECT_FALSE(consumer->idle());
  clock.Advance(Millis(5));
  ASSERT_EQ(queue.settles.size(), 1U);
  EXPECT_EQ(queue.AnswerSettle().size(), 10U);
}

TEST_F(BusyPushConsumerTest, CollectsSoManyAndNoMore) {
  Oks(127);
  EXPECT_TRUE(queue.settles.empty());
  Oks(1);
  ASSERT_EQ(queue.settles.size(), 1U);
  EXPECT_EQ(queue.AnswerSettle().size(), 128U);
}

TEST_F(BusyPushConsumerTest, TellsAFailureAtOnceWithWhatWasCollected) {
  Oks(3);
  transport.Reply({500});
  ASSERT_EQ(queue.settles.size(), 1U);
  EXPECT_EQ(IdsOf(queue.AnswerSettle()), "ack:ack-0 ack:ack-1 ack:ack-2 nack:ack-3");
}

TEST_F(BusyPushConsumerTest, CollectsNothingWhenItIsPausedOrRetired) {
  Oks(3);
  ConsumerInfo info = Hooks(1, 200);
  info.status = ConsumerStatus::kPaused;
  consumer->Update(info);
  ASSERT_EQ(queue.settles.size(), 1U);
  EXPECT_EQ(queue.AnswerSettle().size(), 3U);
  Oks(1);
  ASSERT_EQ(queue.settles.size(), 1U);
  EXPECT_EQ(queue.AnswerSettle().size(), 1U);
  info.status = ConsumerStatus::kActive;
  consumer->Update(info);
  Oks(2);
  consumer->Retire();
  EXPECT_EQ(queue.AnswerSettle().size(), 2U);
  Oks(194);
  while (!queue.settles.empty()) queue.AnswerSettle();
  while (!queue.receives.empty()) queue.AnswerReceive(std::vector<Claim>{{}});
  EXPECT_TRUE(consumer->idle());
}

TEST_F(BusyPushConsumerTest, DoesNotWaitWithTheLastOnes) {
  Oks(136);
  queue.AnswerSettle();
  EXPECT_TRUE(queue.settles.empty());
  Oks(1);  // 63 are under way
  ASSERT_EQ(queue.settles.size(), 1U);
  EXPECT_EQ(queue.AnswerSettle().size(), 9U);
}

TEST_F(PushConsumerTest, CountsUnderItsPresentNameAndForgetsTheOldOne) {
  Start();
  Claims({{MakeMessage("1")}});
  EXPECT_NE(metrics.Text().find("claimed_total{consumer=\"hooks\",kind=\"push\"} 1"),
            std::string::npos);
  ConsumerInfo info = Hooks();
  info.name = "renamed";
  consumer->Update(info);
  Ok();
  EXPECT_NE(metrics.Text().find("requests_total{consumer=\"renamed\",outcome=\"ok\"} 1"),
            std::string::npos);
  EXPECT_EQ(metrics.Text().find("consumer=\"hooks\""), std::string::npos);
  consumer.reset();
  EXPECT_EQ(metrics.Text().find("consumer="), std::string::npos);
}

std::vector<std::string> AllHeaders(const PushRequest& request) {
  std::vector<std::string> all = request.target->headers;
  all.insert(all.end(), request.headers.begin(), request.headers.end());
  return all;
}

TEST(Webhook, CarriesIdAndTimestamp) {
  Message message = MakeMessage("1");
  const WallTime now = std::chrono::system_clock::from_time_t(1700000000);
  const PushRequest request = BuildWebhook(TargetOf(Hooks()), false, {&message, 1}, now);
  EXPECT_EQ(AllHeaders(request),
            (std::vector<std::string>{"Content-Type: application/json", "webhook-id: msg-1",
                                      "webhook-timestamp: 1700000000"}));
}

TEST(Webhook, NamesABatchAfterItsFirstMessageAndSize) {
  std::vector<Message> messages = {MakeMessage("1"), MakeMessage("2")};
  const PushRequest request = BuildWebhook(TargetOf(Hooks(5)), true, messages, {});
  EXPECT_EQ(request.headers[0], "webhook-id: msg-1_2");
  EXPECT_EQ(request.body, R"({"data":[{"id":"1"},{"id":"2"}]})");
}

TEST(Webhook, AddsTheConsumersHeadersButNoReservedOrBrokenOnes) {
  ConsumerInfo info = Hooks();
  info.headers = {{"Authorization", "Bearer x"},
                  {"Webhook-Id", "mine"},
                  {"X-A", "b\r\nX-Evil: 1"},
                  {"X B", "c"},
                  {"X-Empty", ""},
                  {"content-type", "text/plain"}};
  EXPECT_EQ(TargetOf(info)->headers,
            (std::vector<std::string>{"Authorization: Bearer x", "X-Empty;",
                                      "content-type: text/plain"}));
}

}  // namespace
}  // namespace sequin
