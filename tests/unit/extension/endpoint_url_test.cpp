// URLs of webhooks: what create_consumer accepts.
#include "catalog/endpoint_url.h"

#include <gtest/gtest.h>

#include <string>

namespace sequin {
namespace {

void ExpectGood(std::string_view url) {
  EXPECT_EQ(EndpointUrlProblem(url), nullptr) << url;
}

void ExpectBad(std::string_view url, std::string_view why) {
  const char* problem = EndpointUrlProblem(url);
  ASSERT_NE(problem, nullptr) << url;
  EXPECT_NE(std::string_view(problem).find(why), std::string_view::npos) << url << ": " << problem;
}

TEST(EndpointUrl, HttpAndHttpsAreAccepted) {
  ExpectGood("http://127.0.0.1:9000/hook");
  ExpectGood("https://example.com");
  ExpectGood("HTTPS://Example.COM/Path?query=1&b=%20");
  ExpectGood("http://localhost?x");
  ExpectGood("http://host_with_underscore.internal./");
  ExpectGood("http://[::1]:8080/");
  ExpectGood("http://[::ffff:10.0.0.1]");
  ExpectGood("https://example.com/a@b");
}

TEST(EndpointUrl, OtherSchemesAreRefused) {
  for (const char* url : {"", "example.com/hook", "ftp://example.com", "file:///etc/passwd",
                          "http:/example.com", "gopher://x", "https:example.com"}) {
    ExpectBad(url, "http:// or https://");
  }
}

TEST(EndpointUrl, AHostIsNeeded) {
  ExpectBad("http://", "no host");
  ExpectBad("http:///hook", "no host");
  ExpectBad("http://:80/", "no host");
  ExpectBad("http://?x", "no host");
}

TEST(EndpointUrl, HostsMustBeWellFormed) {
  for (const char* url : {"http://a..b/", "http://.a/", "http://a b/", "http://[::1", "http://[]/",
                          "http://[xyz]/", "http://[1234]/", "http://a%20b/", "http://a,b/"}) {
    EXPECT_NE(EndpointUrlProblem(url), nullptr) << url;
  }
  ExpectBad("http://" + std::string(64, 'x') + ".com/", "host is not valid");
}

TEST(EndpointUrl, PortsAreNumbersFrom1To65535) {
  ExpectGood("http://a:1/");
  ExpectGood("http://a:65535/");
  for (const char* url : {"http://a:/", "http://a:0/", "http://a:65536/", "http://a:8o/",
                          "http://a:123456/", "http://[::1]8080/", "http://a:80:80/"}) {
    ExpectBad(url, "port");
  }
}

TEST(EndpointUrl, CredentialsAreRefused) {
  ExpectBad("https://user:secret@example.com/", "push_headers");
  ExpectBad("https://user@example.com/", "push_headers");
  ExpectBad("https://example.com@evil.example/", "push_headers");
}

TEST(EndpointUrl, FragmentsAndUnencodedBytesAreRefused) {
  ExpectBad("http://a/#x", "fragment");
  ExpectBad("http://a/b c", "percent-encoded");
  ExpectBad("http://a/\r\nHost: b", "percent-encoded");
  ExpectBad("http://a\\b/", "percent-encoded");
  ExpectBad("http://bücher.example/", "percent-encoded");
  ExpectBad(std::string_view("http://a/\0b", 11), "percent-encoded");
}

TEST(EndpointUrl, LengthIsLimited) {
  std::string url = "http://a/";
  ExpectGood(url + std::string(kUrlBytesMax - url.size(), 'x'));
  ExpectBad(url + std::string(kUrlBytesMax - url.size() + 1, 'x'), "longer");
}

}  // namespace
}  // namespace sequin
