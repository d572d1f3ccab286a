// The text of /metrics: series of consumers, and what the database says about itself.
#include "metrics/metrics.h"

#include <gtest/gtest.h>

#include "fake_clock.h"
#include "memory_queue.h"
#include "metrics/database_reader.h"

namespace sequin {
namespace {

bool Has(const Metrics& metrics, const std::string& line) {
  return metrics.Text().find(line) != std::string::npos;
}

CaptureFacts RunningCapture() {
  CaptureFacts capture;
  capture.state = "running";
  capture.lag_bytes = 1024;
  capture.incarnation = 3;
  capture.gaps = {{3, "0/1A2B3C4", "0/1B00000", 2}};
  return capture;
}

TEST(Metrics, CountsRequestsByOutcomeAndByReply) {
  Metrics metrics;
  const auto hooks = metrics.Of("hooks");
  hooks->CountPushRequest("ok", "2xx", 0.002);
  hooks->CountPushRequest("retry", "5xx", 0.2);
  hooks->CountPushRequest("retry", "timeout", 30);
  EXPECT_TRUE(Has(metrics, "push_requests_total{consumer=\"hooks\",outcome=\"retry\"} 2\n"));
  EXPECT_TRUE(Has(metrics, "push_replies_total{consumer=\"hooks\",reply=\"timeout\"} 1\n"));
  EXPECT_TRUE(Has(metrics, "push_request_seconds_count{consumer=\"hooks\"} 3\n"));
}

TEST(Metrics, TellsRedeliveriesFromFirstDeliveries) {
  Metrics metrics;
  const auto jobs = metrics.Of("jobs");
  jobs->CountClaim("pull", 10, 0);
  EXPECT_FALSE(Has(metrics, "redelivered_total{"));
  jobs->CountClaim("pull", 10, 4);
  EXPECT_TRUE(Has(metrics, "messages_claimed_total{consumer=\"jobs\",kind=\"pull\"} 20\n"));
  EXPECT_TRUE(Has(metrics, "messages_redelivered_total{consumer=\"jobs\",kind=\"pull\"} 4\n"));
}

TEST(Metrics, KeepsTheSeriesOfANameAsLongAsSomebodyHoldsIt) {
  Metrics metrics;
  auto old_one = metrics.Of("hooks");
  old_one->CountSettle("ACKED");
  auto new_one = metrics.Of("hooks");
  old_one.reset();
  new_one->CountSettle("ACKED");
  EXPECT_TRUE(Has(metrics, "settles_total{consumer=\"hooks\",result=\"ACKED\"} 2\n"));
  new_one.reset();
  EXPECT_FALSE(Has(metrics, "consumer="));
}

TEST(Metrics, ShowTheExactRangeOfAGap) {
  Metrics metrics;
  metrics.SetDatabase(DatabaseFacts{RunningCapture(), {}});
  EXPECT_TRUE(Has(metrics, "sequin_capture_up 1\n"));
  EXPECT_TRUE(Has(metrics, "sequin_capture_state{state=\"running\"} 1\n"));
  EXPECT_TRUE(Has(metrics, "sequin_capture_lag_bytes 1024\n"));
  EXPECT_TRUE(Has(metrics, "sequin_capture_gaps_open 1\n"));
  EXPECT_TRUE(Has(metrics,
                  "sequin_capture_gap_open{from_lsn=\"0/1A2B3C4\",to_lsn=\"0/1B00000\","
                  "incarnation=\"3\"} 2\n"));
  // What is not known has no series.
  EXPECT_FALSE(Has(metrics, "sequin_capture_lag_seconds"));
  EXPECT_TRUE(Has(metrics, "sequin_agent_database_facts_known 1\n"));
}

TEST(Metrics, ShowNothingOfADatabaseThatCannotBeAsked) {
  Metrics metrics;
  metrics.SetDatabase(DatabaseFacts{RunningCapture(), {}});
  metrics.SetDatabase(std::nullopt);
  EXPECT_FALSE(Has(metrics, "sequin_capture_"));
  EXPECT_TRUE(Has(metrics, "sequin_agent_database_facts_known 0\n"));
}

TEST(Metrics, ShowWhereTheMessagesOfAConsumerAre) {
  Metrics metrics;
  ConsumerFacts jobs;
  jobs.name = "say \"hi\"";
  jobs.kind = "pull";
  jobs.status = "paused";
  jobs.ready = 5;
  jobs.parked = 2;
  jobs.dead = 1;
  jobs.oldest_age_seconds = 1.5;
  jobs.acked_total = 7;
  metrics.SetDatabase(DatabaseFacts{std::nullopt, {jobs}});
  const std::string name = "{consumer=\"say \\\"hi\\\"\"";
  EXPECT_TRUE(Has(metrics, "sequin_consumer_messages" + name + ",state=\"ready\"} 5\n"));
  EXPECT_TRUE(Has(metrics, "sequin_consumer_messages" + name + ",state=\"parked\"} 2\n"));
  EXPECT_TRUE(Has(metrics, "sequin_consumer_dead_letters" + name + "} 1\n"));
  EXPECT_TRUE(Has(metrics, "sequin_consumer_oldest_age_seconds" + name + "} 1.5\n"));
  EXPECT_TRUE(Has(metrics, "sequin_consumer_messages_acked_total" + name + "} 7\n"));
  EXPECT_TRUE(Has(metrics, "# TYPE sequin_consumer_messages_acked_total counter\n"));
  EXPECT_TRUE(
      Has(metrics, "sequin_consumer_status" + name + ",kind=\"pull\",status=\"paused\"} 1\n"));
  EXPECT_FALSE(Has(metrics, "routed_total"));
  EXPECT_FALSE(Has(metrics, "sequin_capture_"));
}

TEST(Metrics, ShowTheProcess) {
  const Metrics metrics;
  EXPECT_TRUE(Has(metrics, "# TYPE process_cpu_seconds_total counter\n"));
  for (const char* name : {"process_resident_memory_bytes ", "process_start_time_seconds ",
                           "process_open_fds ", "sequin_agent_info{version="}) {
    EXPECT_TRUE(Has(metrics, name)) << name;
  }
}

class DatabaseReaderTest : public testing::Test {
 protected:
  void Ask() {
    reader.Refresh([this] { ++answered; });
  }
  void AnswerCapture(Result<CaptureFacts> capture) {
    const auto answer = std::move(queue.captures.front());
    queue.captures.pop_front();
    answer(std::move(capture));
  }
  void AnswerConsumers(Result<std::vector<ConsumerFacts>> consumers) {
    const auto answer = std::move(queue.consumer_facts.front());
    queue.consumer_facts.pop_front();
    answer(std::move(consumers));
  }

  FakeClock clock;
  MemoryQueue queue;
  Metrics metrics;
  DatabaseReader reader{clock, queue, metrics, {Millis(5000), Millis(2000)}};
  int answered = 0;
};

TEST_F(DatabaseReaderTest, ReadsOnceForAllWhoAskMeanwhile) {
  Ask();
  Ask();
  ASSERT_EQ(queue.captures.size(), 1U);
  AnswerCapture(RunningCapture());
  AnswerConsumers(std::vector<ConsumerFacts>{});
  EXPECT_EQ(answered, 2);
  EXPECT_TRUE(Has(metrics, "sequin_capture_up 1\n"));
  Ask();
  EXPECT_EQ(answered, 3);
  EXPECT_TRUE(queue.captures.empty());
  clock.Advance(Millis(5001));
  Ask();
  EXPECT_EQ(queue.captures.size(), 1U);
}

TEST_F(DatabaseReaderTest, DoesNotMakeThemWaitForADatabaseThatDoesNotAnswer) {
  Ask();
  clock.Advance(Millis(2001));
  EXPECT_EQ(answered, 1);
  EXPECT_TRUE(Has(metrics, "sequin_agent_database_facts_known 0\n"));
  // The question is still open: nobody asks another one.
  Ask();
  EXPECT_EQ(queue.captures.size(), 1U);
  AnswerCapture(RunningCapture());
  AnswerConsumers(std::vector<ConsumerFacts>{});
  EXPECT_EQ(answered, 2);
  EXPECT_TRUE(Has(metrics, "sequin_agent_database_facts_known 1\n"));
}

TEST_F(DatabaseReaderTest, AsksAnEarlierExtensionForLess) {
  Ask();
  AnswerCapture(Error{ErrorKind::kDatabase, "no such function", "42883"});
  AnswerConsumers(std::vector<ConsumerFacts>(1));
  EXPECT_EQ(answered, 1);
  EXPECT_TRUE(Has(metrics, "sequin_consumer_messages{"));
  EXPECT_FALSE(Has(metrics, "sequin_capture_"));
  clock.Advance(Millis(10000));
  Ask();
  EXPECT_TRUE(queue.captures.empty());
  AnswerConsumers(std::vector<ConsumerFacts>(1));
  // It may have been updated.
  clock.Advance(Millis(60000));
  Ask();
  AnswerCapture(RunningCapture());
  AnswerConsumers(std::vector<ConsumerFacts>(1));
  EXPECT_TRUE(Has(metrics, "sequin_capture_up 1\n"));
}

TEST_F(DatabaseReaderTest, ForgetsWhatItKnewWhenTheDatabaseIsGone) {
  Ask();
  AnswerCapture(RunningCapture());
  AnswerConsumers(std::vector<ConsumerFacts>(1));
  clock.Advance(Millis(6000));
  Ask();
  AnswerCapture(Error{ErrorKind::kUnavailable, "gone"});
  EXPECT_EQ(answered, 2);
  EXPECT_TRUE(queue.consumer_facts.empty());
  EXPECT_FALSE(Has(metrics, "sequin_capture_"));
  EXPECT_FALSE(Has(metrics, "sequin_consumer_messages{"));
}

}  // namespace
}  // namespace sequin
