// See database_reader.h.
#include "metrics/database_reader.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace sequin {

namespace {

constexpr Millis kAskAgainAfter{60000};

// "No such function": an extension of an earlier version.
constexpr char kNoSuchFunction[] = "42883";

}  // namespace

DatabaseReader::DatabaseReader(Clock& clock, QueuePort& queue, Metrics& metrics,
                               DatabaseReaderSettings settings)
    : clock_(clock),
      queue_(queue),
      metrics_(metrics),
      settings_(settings),
      self_(std::make_shared<DatabaseReader*>(this)) {
  patience_ = clock.NewAlarm([this] {
    metrics_.SetDatabase(std::nullopt);
    TellAll();
  });
}

void DatabaseReader::Refresh(std::function<void()> done) {
  if (reading_ == Reading::kNo && clock_.Now() < fresh_until_) return done();
  waiting_.push_back(std::move(done));
  if (!patience_->armed()) patience_->Set(settings_.patience);
  if (reading_ == Reading::kNo) Read();
}

void DatabaseReader::Read() {
  facts_ = {};
  if (clock_.Now() < capture_unknown_until_) return ReadConsumers();
  reading_ = Reading::kCapture;
  queue_.ReadCapture([this, self = std::weak_ptr(self_)](Result<CaptureFacts> capture) {
    if (self.expired()) return;
    if (capture.ok()) {
      facts_.capture = std::move(capture.value());
    } else if (capture.error().sqlstate == kNoSuchFunction) {
      capture_unknown_until_ = clock_.Now() + kAskAgainAfter;
    } else {
      return Fail(capture.error());
    }
    ReadConsumers();
  });
}

void DatabaseReader::ReadConsumers() {
  reading_ = Reading::kConsumers;
  queue_.ReadConsumerFacts(
      [this, self = std::weak_ptr(self_)](Result<std::vector<ConsumerFacts>> consumers) {
        if (self.expired()) return;
        if (!consumers.ok()) return Fail(consumers.error());
        facts_.consumers = std::move(consumers.value());
        Finish();
      });
}

void DatabaseReader::Fail(const Error& error) {
  spdlog::debug("cannot read what the metrics show: {}", error.message);
  reading_ = Reading::kNo;
  // The next answer may be that of another server, or of an extension that was updated.
  fresh_until_ = capture_unknown_until_ = {};
  metrics_.SetDatabase(std::nullopt);
  TellAll();
}

void DatabaseReader::Finish() {
  reading_ = Reading::kNo;
  fresh_until_ = clock_.Now() + settings_.refresh;
  metrics_.SetDatabase(std::exchange(facts_, {}));
  TellAll();
}

void DatabaseReader::TellAll() {
  patience_->Cancel();
  for (const auto& done : std::exchange(waiting_, {})) done();
}

}  // namespace sequin
