// Reads the database's facts when somebody asks for metrics; nobody asks, nothing is read.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "metrics/metrics.h"
#include "queue/queue_port.h"

namespace sequin {

struct DatabaseReaderSettings {
  Millis refresh{2000};   // facts are used for so long
  Millis patience{2000};  // an answer without fresh facts is better than none
};

class DatabaseReader {
 public:
  DatabaseReader(Clock& clock, QueuePort& queue, Metrics& metrics, DatabaseReaderSettings settings);

  // Calls back when the metrics have facts that are fresh, or are known to have none; may do so
  // at once.
  void Refresh(std::function<void()> done);

 private:
  enum class Reading { kNo, kCapture, kConsumers };

  void Read();
  void ReadConsumers();
  void Finish();
  void Fail(const Error& error);
  void TellAll();

  Clock& clock_;
  QueuePort& queue_;
  Metrics& metrics_;
  DatabaseReaderSettings settings_;
  Reading reading_ = Reading::kNo;
  SteadyTime fresh_until_ = {};
  // An extension that lacks the function is not asked for it again and again: each time would be an
  // error in the server's log.
  SteadyTime capture_unknown_until_ = {};
  DatabaseFacts facts_;
  std::vector<std::function<void()>> waiting_;
  std::unique_ptr<Alarm> patience_;
  std::shared_ptr<DatabaseReader*> self_;
};

}  // namespace sequin
