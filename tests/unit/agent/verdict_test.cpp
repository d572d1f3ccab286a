// What an endpoint's answer means for a message.
#include <gtest/gtest.h>

#include "push/verdict.h"

namespace sequin {
namespace {

const WallTime kNow = std::chrono::system_clock::from_time_t(784111777);
constexpr Millis kHour{3600000};

Verdict Judge(PushReply reply) {
  return JudgeReply(reply, kNow, kHour);
}

TEST(RetryAfter, IsSecondsOrADate) {
  EXPECT_EQ(ParseRetryAfter("120", kNow, kHour), Millis(120000));
  EXPECT_EQ(ParseRetryAfter("0", kNow, kHour), Millis(0));
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:50:37 GMT", kNow, kHour), Millis(60000));
}

TEST(RetryAfter, IsCappedAndNeverNegative) {
  EXPECT_EQ(ParseRetryAfter("99999", kNow, kHour), kHour);
  EXPECT_EQ(ParseRetryAfter("99999999999999999999", kNow, kHour), kHour);
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:00:00 GMT", kNow, kHour), Millis(0));
}

TEST(RetryAfter, IsIgnoredWhenItIsNeither) {
  for (const char* text : {"", "-1", "1.5", "soon", "120s"}) {
    EXPECT_FALSE(ParseRetryAfter(text, kNow, kHour)) << text;
  }
}

TEST(Verdict, AcceptsEvery2xxAndNothingElse) {
  for (const int status : {200, 201, 202, 204, 299}) {
    EXPECT_EQ(Judge({status}).outcome, Outcome::kAck) << status;
  }
  for (const int status : {100, 199, 300, 301, 302, 304, 400, 404, 410, 429, 500, 503, 599}) {
    EXPECT_EQ(Judge({status}).outcome, Outcome::kNack) << status;
  }
}

TEST(Verdict, SortsFailuresIntoClasses) {
  for (const int status : {408, 425, 429, 500, 502, 503}) {
    EXPECT_EQ(Judge({status}).verdict, VerdictClass::kRetry) << status;
  }
  for (const int status : {301, 400, 401, 404, 422}) {
    EXPECT_EQ(Judge({status}).verdict, VerdictClass::kReject) << status;
  }
  EXPECT_EQ(Judge({410}).verdict, VerdictClass::kGone);
}

TEST(Verdict, SortsFaultsIntoClasses) {
  EXPECT_EQ(Judge({0, TransportFault::kTimeout}).verdict, VerdictClass::kRetry);
  EXPECT_EQ(Judge({0, TransportFault::kConnect}).verdict, VerdictClass::kRetry);
  EXPECT_EQ(Judge({0, TransportFault::kTls}).verdict, VerdictClass::kRetry);
  EXPECT_EQ(Judge({0, TransportFault::kCertificate}).verdict, VerdictClass::kConfig);
  EXPECT_EQ(Judge({0, TransportFault::kBlockedAddress}).verdict, VerdictClass::kConfig);
  EXPECT_EQ(Judge({0, TransportFault::kBadUrl}).verdict, VerdictClass::kConfig);
}

TEST(Verdict, ChargesNoAttemptForOurOwnTrouble) {
  const Verdict verdict = Judge({0, TransportFault::kLocal, "no file descriptor"});
  EXPECT_EQ(verdict.verdict, VerdictClass::kOurs);
  EXPECT_EQ(verdict.outcome, Outcome::kRelease);
}

TEST(Verdict, HonoursRetryAfterOfThrottlingOnly) {
  EXPECT_EQ(Judge({429, TransportFault::kNone, "", "7"}).delay, Millis(7000));
  EXPECT_EQ(Judge({503, TransportFault::kNone, "", "7"}).delay, Millis(7000));
  EXPECT_FALSE(Judge({500, TransportFault::kNone, "", "7"}).delay);
  EXPECT_FALSE(Judge({503}).delay);
}

TEST(Verdict, KeepsTheErrorShort) {
  EXPECT_EQ(Judge({500}).error, "HTTP status 500");
  EXPECT_EQ(Judge({0, TransportFault::kConnect, std::string(5000, 'x')}).error.size(), 200U);
}

}  // namespace
}  // namespace sequin
