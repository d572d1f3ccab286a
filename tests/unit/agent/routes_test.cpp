// The URLs of the agent and the parameters of pull requests.
#include <gtest/gtest.h>

#include "pull/arguments.h"
#include "pull/routes.h"

namespace sequin {
namespace {

Route Find(const std::string& method, std::vector<std::string> path) {
  return FindRoute(method, path);
}

TEST(Routes, KnowBothCompatibleCollections) {
  for (const char* collection : {"http_pull_consumers", "sequin_streams"}) {
    const Route route = Find("POST", {"api", collection, "c1", "ack"});
    EXPECT_EQ(route.kind, RouteKind::kPull);
    EXPECT_EQ(route.verb, PullVerb::kAck);
    EXPECT_EQ(route.style, PullStyle::kCompatible);
    EXPECT_EQ(route.consumer, "c1");
  }
}

TEST(Routes, TolerateADoubledApi) {
  EXPECT_EQ(Find("POST", {"api", "api", "sequin_streams", "c", "nack"}).verb, PullVerb::kNack);
  EXPECT_EQ(Find("POST", {"api", "api", "api", "sequin_streams", "c", "nack"}).kind,
            RouteKind::kNotFound);
}

TEST(Routes, AllowGetForReceiveOnly) {
  EXPECT_EQ(Find("GET", {"api", "sequin_streams", "c", "receive"}).kind, RouteKind::kPull);
  const Route route = Find("GET", {"api", "sequin_streams", "c", "ack"});
  EXPECT_EQ(route.kind, RouteKind::kMethodNotAllowed);
  EXPECT_EQ(route.allow, "POST");
  EXPECT_EQ(Find("DELETE", {"api", "sequin_streams", "c", "receive"}).allow, "GET, POST");
}

TEST(Routes, KeepReleaseAndExtendToTheOwnStyle) {
  EXPECT_EQ(Find("POST", {"api", "consumers", "c", "extend"}).style, PullStyle::kOwn);
  EXPECT_EQ(Find("POST", {"api", "consumers", "c", "release"}).verb, PullVerb::kRelease);
  EXPECT_EQ(Find("POST", {"api", "sequin_streams", "c", "extend"}).kind, RouteKind::kNotFound);
}

TEST(Routes, AnswerNothingElse) {
  for (const auto& path : std::vector<std::vector<std::string>>{
           {}, {"api"}, {"healthz"}, {"api", "sequin_streams", "c"}, {"api", "x", "c", "ack"}}) {
    EXPECT_EQ(FindRoute("GET", path).kind, RouteKind::kNotFound);
  }
  EXPECT_EQ(Find("POST", {"health"}).kind, RouteKind::kMethodNotAllowed);
}

TEST(WaitFor, IsMillisecondsOrATextWithAUnit) {
  EXPECT_EQ(ParseWaitFor("500"), Millis(500));
  EXPECT_EQ(ParseWaitFor("120000"), Millis(120000));
  EXPECT_EQ(ParseWaitFor("1000ms"), Millis(1000));
  EXPECT_EQ(ParseWaitFor("60s"), Millis(60000));
  EXPECT_EQ(ParseWaitFor("5m"), Millis(300000));
}

TEST(WaitFor, RefusesEverythingElse) {
  for (const char* text : {"", "0", "499", "300001", "-500", "1.5s", "5 m", "6m", "1h", "s", "ms",
                           "99999999999999999999", "60S", "0x500", "60s "}) {
    EXPECT_FALSE(ParseWaitFor(text)) << text;
  }
}

HttpRequest WithBody(std::string body,
                     std::vector<std::pair<std::string, std::string>> query = {}) {
  HttpRequest request;
  request.body = std::move(body);
  request.query = std::move(query);
  return request;
}

TEST(ReceiveArguments, HaveDefaults) {
  const auto arguments = ParseReceiveArguments(WithBody(""));
  ASSERT_TRUE(arguments.ok());
  EXPECT_EQ(arguments.value().batch_size, 1);
  EXPECT_EQ(arguments.value().wait, Millis(0));
  EXPECT_FALSE(arguments.value().visibility_timeout);
}

TEST(ReceiveArguments, ComeFromBodyOrQuery) {
  const auto body = ParseReceiveArguments(WithBody(R"({"batch_size":7,"wait_for":"2s"})"));
  ASSERT_TRUE(body.ok());
  EXPECT_EQ(body.value().batch_size, 7);
  EXPECT_EQ(body.value().wait, Millis(2000));
  const auto query =
      ParseReceiveArguments(WithBody("", {{"batch_size", "9"}, {"wait_for", "120000"}}));
  ASSERT_TRUE(query.ok());
  EXPECT_EQ(query.value().batch_size, 9);
  EXPECT_EQ(query.value().wait, Millis(120000));
}

TEST(ReceiveArguments, PreferBatchSizeToMaxBatchSize) {
  const auto both = ParseReceiveArguments(WithBody(R"({"max_batch_size":5,"batch_size":3})"));
  EXPECT_EQ(both.value().batch_size, 3);
  const auto one = ParseReceiveArguments(WithBody(R"({"max_batch_size":5})"));
  EXPECT_EQ(one.value().batch_size, 5);
}

TEST(ReceiveArguments, RefuseWhatIsOutOfRangeOrOfTheWrongType) {
  for (const char* body :
       {R"({"batch_size":0})", R"({"batch_size":1001})", R"({"batch_size":1.5})",
        R"({"batch_size":"x"})", R"({"batch_size":[1]})", R"({"wait_for":100})",
        R"({"wait_for":true})", R"({"visibility_timeout_ms":0})", "[]", "nope", "{", "7"}) {
    const auto arguments = ParseReceiveArguments(WithBody(body));
    ASSERT_FALSE(arguments.ok()) << body;
    EXPECT_EQ(arguments.error().kind, ErrorKind::kInvalid);
  }
}

constexpr char kId[] = "ab0ed646-c2c2-40f9-b9f6-081d171b762a";

TEST(SettleArguments, TakeAckIdsOrAckTokensOnce) {
  for (const char* name : {"ack_ids", "ack_tokens"}) {
    const std::string body = "{\"" + std::string(name) + "\":[\"" + kId + "\",\"" + kId + "\"]}";
    const auto arguments = ParseSettleArguments(WithBody(body));
    ASSERT_TRUE(arguments.ok()) << name;
    EXPECT_EQ(arguments.value().ack_ids, std::vector<std::string>{kId});
  }
}

TEST(SettleArguments, RefuseWhatIsNotAListOfUuids) {
  for (const char* body : {"", "{}", R"({"ack_ids":"x"})", R"({"ack_ids":["x"]})",
                           R"({"ack_ids":[1]})", R"({"ack_ids":[null]})", R"({"ack_ids":{}})"}) {
    EXPECT_FALSE(ParseSettleArguments(WithBody(body)).ok()) << body;
  }
}

TEST(SettleArguments, ReadDelayAndVisibilityTimeout) {
  const auto arguments = ParseSettleArguments(
      WithBody(R"({"ack_ids":[],"delay_ms":0,"visibility_timeout_ms":60000})"));
  ASSERT_TRUE(arguments.ok());
  EXPECT_EQ(arguments.value().delay, Millis(0));
  EXPECT_EQ(arguments.value().visibility_timeout, Millis(60000));
  EXPECT_FALSE(ParseSettleArguments(WithBody(R"({"ack_ids":[],"delay_ms":-1})")).ok());
}

}  // namespace
}  // namespace sequin
