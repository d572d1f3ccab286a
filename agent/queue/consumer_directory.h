// The consumers as last read from the database, by number, name and id.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "queue/queue_port.h"

namespace sequin {

class ConsumerDirectory {
 public:
  using OnFound = std::function<void(Result<const ConsumerInfo*>)>;

  ConsumerDirectory(Clock& clock, QueuePort& queue, std::function<void()> on_changed);

  // Reads the list again; calls that come while it is read cause one more reading.
  void Refresh();

  // A consumer that is not known is looked for in the database before it is declared missing: it
  // may have been made a moment ago. May answer at once.
  void Find(const std::string& id_or_name, OnFound on_found);

  const std::vector<ConsumerInfo>& consumers() const { return consumers_; }
  bool loaded() const { return loaded_; }
  std::string last_error() const { return failed_ ? failed_->message : "not asked yet"; }

 private:
  enum class Reading { kNo, kYes, kYesAndAgain };
  struct Search {
    std::string id_or_name;
    OnFound on_found;
  };

  const ConsumerInfo* Lookup(const std::string& id_or_name) const;
  void OnList(Result<std::vector<ConsumerInfo>> list);

  Clock& clock_;
  QueuePort& queue_;
  std::function<void()> on_changed_;
  std::vector<ConsumerInfo> consumers_;
  bool loaded_ = false;
  std::optional<Error> failed_;  // the last reading, when it failed; no other before its retry
  Reading reading_ = Reading::kNo;
  std::vector<Search> searches_;       // answered by the reading under way
  std::vector<Search> next_searches_;  // came too late for it
  std::unique_ptr<Alarm> retry_;
};

}  // namespace sequin
