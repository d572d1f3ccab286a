// Real requests over loopback: libcurl as the client, our own server as the endpoint.
#include "push/curl_transport.h"

#include <gtest/gtest.h>

#include "http/server.h"
#include "loop/event_loop.h"

namespace sequin {
namespace {

class CurlTransportTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server.Listen({*ParseIpAddress("127.0.0.1"), 0}).ok());
    settings.guard = AddressGuard({*ParseCidr("127.0.0.0/8")});
  }
  std::string Url(const std::string& path = "/hook") {
    return "http://" + server.endpoint().ToString() + path;
  }
  struct Wanted {
    std::string url;
    std::vector<std::string> headers;
    std::string body;
    Millis timeout{30000};
  };
  static PushRequest RequestOf(const Wanted& wanted) {
    return {std::make_shared<PushTarget>(PushTarget{wanted.url}), wanted.headers, wanted.body,
            wanted.timeout};
  }
  // Runs the loop until the reply is there.
  PushReply Send(CurlTransport& transport, const Wanted& wanted) {
    PushReply result;
    transport.Send(RequestOf(wanted), [&](PushReply reply) {
      result = std::move(reply);
      loop.Stop();
    });
    loop.Run();
    return result;
  }
  PushReply SendOne(const Wanted& wanted) {
    CurlTransport transport(loop, settings);
    return Send(transport, wanted);
  }

  EventLoop loop;
  CurlSettings settings;
  HttpResponse answer{200, "{}"};
  bool silent = false;
  std::vector<HttpRequest> requests;
  std::vector<ExchangePtr> unanswered;
  HttpServer server{loop, {}, [this](HttpRequest request, ExchangePtr exchange) {
                      requests.push_back(std::move(request));
                      if (silent) return unanswered.push_back(std::move(exchange));
                      exchange->Respond(answer);
                    }};
};

TEST_F(CurlTransportTest, DeliversTheBodyAndHeadersAsGiven) {
  const PushReply reply =
      SendOne({Url("/a?b=c"), {"webhook-id: m1", "X-Empty;"}, std::string(5000, 'x')});
  EXPECT_EQ(reply.fault, TransportFault::kNone) << reply.detail;
  EXPECT_EQ(reply.status, 200);
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].body, std::string(5000, 'x'));
  EXPECT_EQ(*requests[0].Header("webhook-id"), "m1");
  EXPECT_EQ(*requests[0].Header("x-empty"), "");
  EXPECT_EQ(*requests[0].Header("user-agent"), "Sequin");
  EXPECT_EQ(requests[0].Header("expect"), nullptr);
}

TEST_F(CurlTransportTest, KeepsTheConnectionForTheNextRequest) {
  CurlTransport transport(loop, settings);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Send(transport, {Url(), {}, "{}"}).status, 200);
  EXPECT_EQ(server.connections(), 1U);
}

TEST_F(CurlTransportTest, MakesANewConnectionWhereTheEndpointClosedTheIdleOne) {
  CurlTransport transport(loop, settings);
  for (int i = 0; i < 20; ++i) {
    // By name: the resolver's own sockets come and go between those of the connections.
    const std::string url =
        "http://localhost:" + std::to_string(server.endpoint().port) + "/" + std::to_string(i);
    EXPECT_EQ(Send(transport, {i % 2 == 0 ? url : Url(), {}, "{}"}).status, 200);
    server.CloseIdle();
    // Until the client has seen it.
    const auto later = loop.NewAlarm([this] { loop.Stop(); });
    later->Set(Millis(2));
    loop.Run();
  }
  EXPECT_EQ(requests.size(), 20U);
}

TEST_F(CurlTransportTest, ClosesASocketThatTheEndpointWantsClosed) {
  CurlTransport transport(loop, settings);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Send(transport, {Url(), {"Connection: close"}, "{}"}).status, 200);
  }
  EXPECT_EQ(requests.size(), 5U);
}

TEST_F(CurlTransportTest, RefusesLoopbackUnlessItIsAllowed) {
  settings.guard = AddressGuard({});
  const PushReply reply = SendOne({Url(), {}, "{}"});
  EXPECT_EQ(reply.fault, TransportFault::kBlockedAddress);
  EXPECT_NE(reply.detail.find("--allow-addresses 127.0.0.0/8"), std::string::npos);
  EXPECT_TRUE(requests.empty());
}

TEST_F(CurlTransportTest, ChecksTheAddressBehindEveryWayToWriteIt) {
  settings.guard = AddressGuard({});
  const std::string port = std::to_string(server.endpoint().port);
  for (const char* host : {"localhost", "127.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"}) {
    const PushReply reply = SendOne({"http://" + std::string(host) + ":" + port + "/", {}, "{}"});
    EXPECT_NE(reply.fault, TransportFault::kNone) << host;
  }
  EXPECT_TRUE(requests.empty());
}

TEST_F(CurlTransportTest, FollowsNoRedirect) {
  answer = {302, ""};
  answer.headers.emplace_back("Location", Url("/elsewhere"));
  EXPECT_EQ(SendOne({Url(), {}, "{}"}).status, 302);
  EXPECT_EQ(requests.size(), 1U);
}

TEST_F(CurlTransportTest, SpeaksHttpOnly) {
  for (const char* url :
       {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "nope://"}) {
    EXPECT_EQ(SendOne({url, {}, "{}"}).fault, TransportFault::kBadUrl) << url;
  }
}

TEST_F(CurlTransportTest, IgnoresTheProxyOfTheEnvironment) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  EXPECT_EQ(SendOne({Url(), {}, "{}"}).status, 200);
  unsetenv("http_proxy");
}

TEST_F(CurlTransportTest, GivesUpWhenTheTimeIsOver) {
  silent = true;
  EXPECT_EQ(SendOne({Url(), {}, "{}", Millis(50)}).fault, TransportFault::kTimeout);
}

TEST_F(CurlTransportTest, StopsReadingALongAnswerButTakesItsStatus) {
  answer = {200, std::string(1000000, 'x')};
  EXPECT_EQ(SendOne({Url(), {}, "{}"}).status, 200);
  answer.status = 500;
  const PushReply reply = SendOne({Url(), {}, "{}"});
  EXPECT_EQ(reply.fault, TransportFault::kNone);
  EXPECT_EQ(reply.status, 500);
}

TEST_F(CurlTransportTest, RefusesAnEndlessHead) {
  for (int i = 0; i < 3000; ++i) answer.headers.emplace_back("X-Header", std::string(100, 'y'));
  EXPECT_EQ(SendOne({Url(), {}, "{}"}).fault, TransportFault::kBadResponse);
}

TEST_F(CurlTransportTest, ReadsRetryAfter) {
  answer = {429, ""};
  answer.headers.emplace_back("retry-AFTER", "  17 ");
  EXPECT_EQ(SendOne({Url(), {}, "{}"}).retry_after, "17");
}

TEST_F(CurlTransportTest, TellsARefusedConnection) {
  const std::string url = Url();
  server.Drain();
  EXPECT_EQ(SendOne({url, {}, "{}"}).fault, TransportFault::kConnect);
}

TEST_F(CurlTransportTest, AnswersEveryRequestWhenAllAreCanceled) {
  silent = true;
  CurlTransport transport(loop, settings);
  int canceled = 0;
  for (int i = 0; i < 3; ++i) {
    transport.Send(RequestOf({Url(), {}, "{}"}), [&](const PushReply& reply) {
      canceled += reply.fault == TransportFault::kCanceled;
      if (canceled == 3) loop.Stop();
    });
  }
  transport.CancelAll();
  loop.Run();
  EXPECT_EQ(canceled, 3);
}

}  // namespace
}  // namespace sequin
