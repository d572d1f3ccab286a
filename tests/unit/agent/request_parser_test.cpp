// What the HTTP server takes as a request, and what it refuses.
#include <gtest/gtest.h>

#include "http/request_parser.h"
#include "http/url.h"

namespace sequin {
namespace {

using State = RequestParser::State;

// Feeds the text in pieces of `step` bytes, as a slow network would.
RequestParser::State FeedAll(RequestParser& parser, std::string_view text, size_t step = 4096) {
  while (!text.empty() && parser.state() != State::kDone && parser.state() != State::kError) {
    const size_t size = std::min(step, text.size());
    const size_t taken = parser.Feed(text.substr(0, size));
    text.remove_prefix(parser.state() == State::kError ? text.size() : taken);
    if (taken < size && parser.state() != State::kError) break;
  }
  return parser.state();
}

int StatusOf(std::string_view text, ParserLimits limits = {}) {
  RequestParser parser(limits);
  if (FeedAll(parser, text) != State::kError) return 200;
  return parser.error_status();
}

TEST(RequestParser, ReadsARequestWithABody) {
  RequestParser parser({});
  ASSERT_EQ(FeedAll(parser,
                    "POST /api/x%20y/ack?a=1&b=c+d HTTP/1.1\r\nHost: h\r\nContent-Length: "
                    "3\r\nX-A: b\r\n\r\nabc"),
            State::kDone);
  const HttpRequest request = parser.Take();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, (std::vector<std::string>{"api", "x y", "ack"}));
  EXPECT_EQ(*request.Query("b"), "c d");
  EXPECT_EQ(*request.Header("x-a"), "b");
  EXPECT_EQ(request.body, "abc");
  EXPECT_TRUE(request.keep_alive);
}

TEST(RequestParser, ReadsTheSameByteByByte) {
  RequestParser parser({});
  EXPECT_EQ(FeedAll(parser,
                    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
                    1),
            State::kDone);
  EXPECT_EQ(parser.Take().body, "abcde");
}

TEST(RequestParser, LeavesTheNextRequestAlone) {
  RequestParser parser({});
  const std::string first = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab";
  EXPECT_EQ(parser.Feed(first + "GET / HTTP/1.1\r\n"), first.size());
  EXPECT_EQ(parser.state(), State::kDone);
}

TEST(RequestParser, LeavesTheNextRequestAloneAfterAChunkedOne) {
  RequestParser parser({});
  const std::string first =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
  EXPECT_EQ(parser.Feed(first + "GET / HTTP/1.1\r\n"), first.size());
  EXPECT_EQ(parser.state(), State::kDone);
}

TEST(RequestParser, WaitsForABodyThatIsNotThereYet) {
  RequestParser parser({});
  EXPECT_EQ(FeedAll(parser, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab"),
            State::kBody);
}

TEST(RequestParser, NoticesExpectContinue) {
  RequestParser parser({});
  FeedAll(parser,
          "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n");
  EXPECT_EQ(parser.state(), State::kBody);
  EXPECT_TRUE(parser.expects_continue());
}

TEST(RequestParser, TakesHttp10AndClosesAfterIt) {
  RequestParser parser({});
  ASSERT_EQ(FeedAll(parser, "GET / HTTP/1.0\r\n\r\n"), State::kDone);
  EXPECT_FALSE(parser.Take().keep_alive);
}

TEST(RequestParser, HonoursConnectionClose) {
  RequestParser parser({});
  ASSERT_EQ(FeedAll(parser, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
            State::kDone);
  EXPECT_FALSE(parser.Take().keep_alive);
}

TEST(RequestParser, WantsExactlyOneHost) {
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
}

TEST(RequestParser, RefusesTwoLengths) {
  EXPECT_EQ(StatusOf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: "
                     "3\r\n\r\nabc"),
            400);
  EXPECT_EQ(StatusOf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc"), 400);
  EXPECT_EQ(StatusOf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc"), 400);
  EXPECT_EQ(StatusOf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n"), 400);
}

TEST(RequestParser, RefusesLengthAndTransferEncodingTogether) {
  for (const char* headers : {"Content-Length: 3\r\nTransfer-Encoding: chunked",
                              "Transfer-Encoding: chunked\r\nContent-Length: 3"}) {
    EXPECT_EQ(
        StatusOf("POST / HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n\r\n0\r\n\r\n"),
        400)
        << headers;
  }
}

TEST(RequestParser, KnowsNoTransferEncodingButPlainChunked) {
  for (const char* value :
       {"gzip, chunked", "identity", "chunked, chunked", "chunked;q=1", "xchunked",
        "\x0b"
        "chunked"}) {
    EXPECT_NE(StatusOf("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: " + std::string(value) +
                       "\r\n\r\n0\r\n\r\n"),
              200)
        << value;
  }
  EXPECT_NE(StatusOf("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            200);
}

TEST(RequestParser, RefusesTransferEncodingInHttp10) {
  EXPECT_EQ(StatusOf("POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            400);
}

TEST(RequestParser, RefusesFoldedHeaders) {
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\n Host: h\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n\tb\r\n\r\n"), 400);
}

TEST(RequestParser, RefusesBareLineEndsAtOnce) {
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\n"), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: h\n\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf(std::string_view("GET / HTTP/1.1\r\nHost: h\0\r\n\r\n", 27)), 400);
}

TEST(RequestParser, RefusesBareLineEndsInChunks) {
  EXPECT_EQ(StatusOf("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "3\nabc\r\n0\r\n\r\n"),
            400);
}

TEST(RequestParser, RefusesBrokenChunkSizes) {
  for (const char* size : {"x", "-1", "0x3", "fffffffffffffffff", " 3"}) {
    EXPECT_NE(StatusOf("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" +
                       std::string(size) + "\r\nabc\r\n0\r\n\r\n"),
              200)
        << size;
  }
}

TEST(RequestParser, RefusesOtherVersions) {
  EXPECT_NE(StatusOf("GET /\r\n\r\n"), 200);
  EXPECT_NE(StatusOf("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), 200);
  EXPECT_NE(StatusOf("GET / HTTP/1.2\r\nHost: h\r\n\r\n"), 200);
}

TEST(RequestParser, RefusesASpaceBeforeTheColon) {
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost : h\r\n\r\n"), 400);
}

TEST(RequestParser, BoundsTheHead) {
  const ParserLimits limits{100, 1000};
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(200, 'a'), limits), 431);
}

TEST(RequestParser, BoundsTheBodyByItsAnnouncement) {
  const ParserLimits limits{1000, 10};
  EXPECT_EQ(StatusOf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", limits), 413);
}

TEST(RequestParser, BoundsAChunkedBodyAsItComes) {
  const ParserLimits limits{1000, 10};
  EXPECT_EQ(StatusOf("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n",
                     limits),
            413);
}

TEST(RequestParser, BoundsAChunkHeaderThatNeverEnds) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_NE(StatusOf(head + "1;" + std::string(100000, 'x')), 200);
}

TEST(Target, TakesOriginFormOnly) {
  EXPECT_TRUE(ParseTarget("/"));
  EXPECT_FALSE(ParseTarget("*"));
  EXPECT_FALSE(ParseTarget("http://h/x"));
  EXPECT_FALSE(ParseTarget("/a#b"));
  EXPECT_FALSE(ParseTarget(""));
}

TEST(Target, RefusesBrokenEscapes) {
  EXPECT_FALSE(ParseTarget("/a%2"));
  EXPECT_FALSE(ParseTarget("/a%zz"));
  EXPECT_FALSE(ParseTarget("/a%00"));
  EXPECT_EQ(ParseTarget("/a%2Fb")->path, std::vector<std::string>{"a/b"});
}

}  // namespace
}  // namespace sequin
