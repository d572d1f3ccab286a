// The pull API from request to response, with a queue that answers by hand.
#include "pull/puller.h"

#include <gtest/gtest.h>

#include "fake_clock.h"
#include "memory_queue.h"

namespace sequin {
namespace {

constexpr char kId[] = "ab0ed646-c2c2-40f9-b9f6-081d171b762a";
constexpr char kIds[] = R"({"ack_ids":["ab0ed646-c2c2-40f9-b9f6-081d171b762a"]})";

struct Client final : Exchange {
  using Exchange::Respond;
  void Respond(HttpResponse answer, std::function<void(bool)> on_sent) override {
    OnAbandoned(nullptr);
    response = std::move(answer);
    if (on_sent) on_sent(connected);
  }
  int status() const { return response ? response->status : 0; }
  std::string body() const { return response ? response->body : ""; }

  std::optional<HttpResponse> response;
  bool connected = true;
};
using ClientPtr = std::shared_ptr<Client>;

class PullerTest : public testing::Test {
 protected:
  PullerTest() {
    ConsumerInfo pull;
    pull.number = 2;
    pull.id = "11111111-1111-1111-1111-111111111111";
    pull.name = "jobs";
    ConsumerInfo push;
    push.number = 1;
    push.name = "hooks";
    push.kind = ConsumerKind::kPush;
    consumers = {push, pull};
    directory.Refresh();
    AnswerList();
  }
  void AnswerList() {
    auto answer = std::move(queue.lists.front());
    queue.lists.pop_front();
    answer(consumers);
  }
  ClientPtr Call(const std::string& verb, std::string body = "",
                 const std::string& collection = "http_pull_consumers",
                 const std::string& consumer = "jobs", const std::string& method = "POST") {
    HttpRequest request;
    request.method = method;
    request.path = {"api", collection, consumer, verb};
    request.body = std::move(body);
    auto client = std::make_shared<Client>();
    puller.Handle(std::move(request), client);
    return client;
  }
  std::vector<int> Sizes() { return queue.receives.at(0).sizes; }

  FakeClock clock;
  MemoryQueue queue;
  PayloadBudget budget{1000000};
  SettleLoad load;
  Metrics metrics;
  PullContext context{clock, queue, budget, load, metrics, {}};
  std::vector<ConsumerInfo> consumers;
  ConsumerDirectory directory{clock, queue, [this] { puller.Reconcile(directory.consumers()); }};
  Puller puller{context,
                directory,
                {[] { return Puller::Health{}; }, [](const auto& answer) { answer("text"); }}};
};

TEST_F(PullerTest, GivesMessagesWithTheirEnvelopeUntouched) {
  const auto client = Call("receive", R"({"batch_size":5})");
  EXPECT_EQ(Sizes(), std::vector<int>{5});
  queue.AnswerReceive(std::vector<Claim>{{MakeMessage("1"), MakeMessage("2")}});
  EXPECT_EQ(client->status(), 200);
  EXPECT_EQ(
      client->body(),
      R"({"data":[{"ack_id":"ack-1","data":{"id":"1"}},{"ack_id":"ack-2","data":{"id":"2"}}]})");
  EXPECT_EQ(budget.held(), 0U);
}

TEST_F(PullerTest, AnswersAtOnceWithoutWaitFor) {
  const auto client = Call("receive");
  queue.AnswerReceive(std::vector<Claim>{{}});
  EXPECT_EQ(client->body(), "{\"data\":[]}");
}

TEST_F(PullerTest, HoldsALongPollUntilAWakeBringsSomething) {
  const auto client = Call("receive", R"({"wait_for":"60s"})");
  queue.AnswerReceive(std::vector<Claim>{{}});
  EXPECT_FALSE(client->response);
  clock.Advance(Millis(30000));
  puller.Wake(2);
  queue.AnswerReceive(std::vector<Claim>{{MakeMessage("1")}});
  EXPECT_EQ(client->status(), 200);
  EXPECT_NE(client->body().find("ack-1"), std::string::npos);
}

TEST_F(PullerTest, EndsALongPollWhenItsTimeIsOver) {
  const auto client = Call("receive", R"({"wait_for":500})");
  queue.AnswerReceive(std::vector<Claim>{{}});
  clock.Advance(Millis(499));
  EXPECT_FALSE(client->response);
  clock.Advance(Millis(1));
  EXPECT_EQ(client->body(), "{\"data\":[]}");
  EXPECT_EQ(context.waiters, 0U);
}

TEST_F(PullerTest, MergesWaitingClientsIntoOneStatement) {
  const auto first = Call("receive");
  const auto second = Call("receive", R"({"batch_size":2})");
  const auto third = Call("receive", R"({"batch_size":3})");
  ASSERT_EQ(queue.receives.size(), 1U);
  EXPECT_EQ(Sizes(), std::vector<int>{1});
  queue.AnswerReceive(std::vector<Claim>{{MakeMessage("1")}});
  ASSERT_EQ(queue.receives.size(), 1U);
  EXPECT_EQ(Sizes(), (std::vector<int>{2, 3}));
  queue.AnswerReceive(std::vector<Claim>{{MakeMessage("2")}, {MakeMessage("3")}});
  EXPECT_NE(first->body().find("ack-1"), std::string::npos);
  EXPECT_NE(second->body().find("ack-2"), std::string::npos);
  EXPECT_NE(third->body().find("ack-3"), std::string::npos);
}

TEST_F(PullerTest, ReleasesTheClaimOfAClientThatLeft) {
  const auto client = Call("receive", R"({"wait_for":"60s"})");
  client->Abandon();
  EXPECT_EQ(context.waiters, 0U);
  queue.AnswerReceive(std::vector<Claim>{{MakeMessage("1")}});
  EXPECT_EQ(IdsOf(queue.AnswerSettle("RELEASED")), "release:ack-1");
}

TEST_F(PullerTest, ReleasesTheClaimWhenTheAnswerCouldNotBeWritten) {
  const auto client = Call("receive");
  client->connected = false;
  queue.AnswerReceive(std::vector<Claim>{{MakeMessage("1")}});
  EXPECT_EQ(IdsOf(queue.AnswerSettle("RELEASED")), "release:ack-1");
  EXPECT_EQ(budget.held(), 0U);
}

TEST_F(PullerTest, GivesNothingToAClientThatLeftWhileItWaited) {
  const auto client = Call("receive", R"({"wait_for":"60s"})");
  queue.AnswerReceive(std::vector<Claim>{{}});
  client->Abandon();
  puller.Wake(2);
  EXPECT_TRUE(queue.receives.empty());
}

TEST_F(PullerTest, AcksWithSuccessWhateverTheResult) {
  for (const char* result : {"ACKED", "STALE", "ALREADY_ACKED"}) {
    const auto client = Call("ack", kIds);
    EXPECT_EQ(IdsOf(queue.AnswerSettle(result)), std::string("ack:") + kId);
    EXPECT_EQ(client->status(), 200);
    EXPECT_EQ(client->body(), "{\"success\":true}");
  }
}

TEST_F(PullerTest, CountsStaleAcks) {
  Call("ack", kIds);
  queue.AnswerSettle("STALE");
  EXPECT_NE(metrics.Text().find("sequin_agent_settles_total{consumer=\"jobs\",result=\"STALE\"} 1"),
            std::string::npos);
}

TEST_F(PullerTest, TellsResultsOneByOneOnItsOwnRoutes) {
  const auto client =
      Call("nack", R"({"delay_ms":1500,"ack_ids":[")" + std::string(kId) + "\"]}", "consumers");
  const auto items = queue.AnswerSettle("STALE");
  EXPECT_EQ(items[0].outcome, Outcome::kNack);
  EXPECT_EQ(items[0].delay, Millis(1500));
  EXPECT_EQ(client->body(),
            "{\"data\":[{\"ack_id\":\"" + std::string(kId) + "\",\"result\":\"STALE\"}]}");
}

TEST_F(PullerTest, ExtendsOnItsOwnRoutes) {
  const auto client = Call("extend", kIds, "consumers");
  queue.extends.front()(std::vector<SettleResult>{{kId, "EXTENDED"}});
  EXPECT_EQ(client->body(),
            "{\"data\":[{\"ack_id\":\"" + std::string(kId) + "\",\"result\":\"EXTENDED\"}]}");
}

TEST_F(PullerTest, FindsAConsumerByItsIdToo) {
  Call("receive", "", "sequin_streams", "11111111-1111-1111-1111-111111111111");
  EXPECT_EQ(queue.receives.size(), 1U);
}

TEST_F(PullerTest, LooksAgainBeforeItCallsAConsumerUnknown) {
  const auto client = Call("receive", "", "consumers", "new");
  EXPECT_FALSE(client->response);
  ConsumerInfo info;
  info.number = 3;
  info.name = "new";
  consumers.push_back(info);
  AnswerList();
  EXPECT_EQ(queue.receives.size(), 1U);
  const auto other = Call("receive", "", "consumers", "nobody");
  AnswerList();
  EXPECT_EQ(other->status(), 404);
  EXPECT_NE(other->body().find("nobody"), std::string::npos);
}

TEST_F(PullerTest, AsksAFailingDatabaseForItsConsumersOnceASecond) {
  const auto first = Call("receive", "", "consumers", "new");
  auto answer = std::move(queue.lists.front());
  queue.lists.pop_front();
  answer(Error{ErrorKind::kDatabase, "no such function", "42883"});
  EXPECT_EQ(first->status(), 500);
  EXPECT_EQ(Call("receive", "", "consumers", "new")->status(), 500);
  EXPECT_TRUE(queue.lists.empty());
  clock.Advance(Millis(1000));
  EXPECT_EQ(queue.lists.size(), 1U);
}

TEST_F(PullerTest, HidesPushConsumers) {
  EXPECT_EQ(Call("ack", kIds, "consumers", "hooks")->status(), 404);
}

TEST_F(PullerTest, AnswersBadRequestsWithASummary) {
  for (const auto& [verb, body] :
       std::vector<std::pair<std::string, std::string>>{{"receive", "{"},
                                                        {"receive", R"({"batch_size":0})"},
                                                        {"ack", ""},
                                                        {"ack", "[]"},
                                                        {"nack", R"({"ack_ids":["nope"]})"}}) {
    const auto client = Call(verb, body);
    EXPECT_EQ(client->status(), 400) << verb << body;
    EXPECT_EQ(client->body().find("{\"summary\":"), 0U);
  }
}

TEST_F(PullerTest, SaysWhichMethodsAreAllowed) {
  const auto client = Call("ack", kIds, "consumers", "jobs", "PUT");
  EXPECT_EQ(client->status(), 405);
  EXPECT_EQ(client->response->headers.at(0).second, "POST");
}

TEST_F(PullerTest, AnswersUnavailableWhenTheDatabaseIsGone) {
  const auto now = Call("receive");
  queue.AnswerReceive(Error{ErrorKind::kUnavailable, "gone"});
  EXPECT_EQ(now->status(), 503);
}

TEST_F(PullerTest, KeepsALongPollThroughAShortOutage) {
  const auto client = Call("receive", R"({"wait_for":"60s"})");
  queue.AnswerReceive(Error{ErrorKind::kUnavailable, "gone"});
  EXPECT_FALSE(client->response);
  clock.Advance(Millis(1000));
  queue.AnswerReceive(std::vector<Claim>{{MakeMessage("1")}});
  EXPECT_EQ(client->status(), 200);
}

TEST_F(PullerTest, AnswersAckOnlyAfterTheDatabaseDid) {
  const auto client = Call("ack", kIds);
  queue.FailSettle(ErrorKind::kUnavailable);
  EXPECT_FALSE(client->response);
  clock.Advance(Millis(1000));
  queue.AnswerSettle();
  EXPECT_EQ(client->status(), 200);
}

TEST_F(PullerTest, BoundsTheNumberOfWaiters) {
  context.settings.waiters_max = 1;
  const auto first = Call("receive", R"({"wait_for":"60s"})");
  EXPECT_EQ(Call("receive")->status(), 503);
  EXPECT_FALSE(first->response);
}

TEST_F(PullerTest, AnswersWhoWaitsWhenItDrains) {
  const auto waiting = Call("receive", R"({"wait_for":"60s"})");
  queue.AnswerReceive(std::vector<Claim>{{}});
  puller.Wake(2);
  const auto late = Call("receive", R"({"wait_for":"60s"})");
  puller.Drain();
  EXPECT_EQ(late->body(), "{\"data\":[]}");
  EXPECT_FALSE(waiting->response);
  EXPECT_FALSE(puller.idle());
  queue.AnswerReceive(std::vector<Claim>{{MakeMessage("1")}});
  EXPECT_NE(waiting->body().find("ack-1"), std::string::npos);
  EXPECT_EQ(Call("receive")->body(), "{\"data\":[]}");
  const auto ack = Call("ack", kIds);
  queue.AnswerSettle();
  EXPECT_EQ(ack->status(), 200);
  EXPECT_TRUE(puller.idle());
}

TEST_F(PullerTest, TellsWaitersOfADroppedConsumer) {
  const auto client = Call("receive", R"({"wait_for":"60s"})");
  queue.AnswerReceive(std::vector<Claim>{{}});
  consumers.pop_back();
  directory.Refresh();
  AnswerList();
  EXPECT_EQ(client->status(), 404);
}

}  // namespace
}  // namespace sequin
