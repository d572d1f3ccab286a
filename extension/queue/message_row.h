// From a row of the log, which many consumers share, to what is in the message of one.
#pragma once

#include "queue/fill_unchanged.h"
#include "queue/queue_store.h"

namespace sequin {

class MessageRows {
 public:
  explicit MessageRows(const Consumer* consumer)
      : consumer_(consumer), chooses_(ChoosesColumnsAnywhere(consumer)), filler_(consumer) {}

  // Mostly it is the row as it is. Allocates in the current memory context.
  void Finish(const Entry& entry, LogRow* row) {
    if (consumer_->fill_unchanged) filler_.Fill(row);
    if (chooses_ && entry.Has(kCandidate)) Project(row);
  }

 private:
  static bool ChoosesColumnsAnywhere(const Consumer* consumer);
  void Project(LogRow* row);

  const Consumer* consumer_;
  bool chooses_;
  UnchangedFiller filler_;
};

}  // namespace sequin
