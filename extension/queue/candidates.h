// Decides about candidates: entries whose filter is evaluated when they are claimed.
//
// For one receive. Nothing is written before Write: a receive that waits drops what it decided, but
// remembers which entries did not match.
#pragma once

#include "catalog/consumer.h"
#include "filter/sandbox.h"
#include "log/reader.h"
#include "queue/containers.h"
#include "queue/fill_unchanged.h"
#include "queue/queue_store.h"

namespace sequin {

class CandidateJudge {
 public:
  // In the current memory context, which lives as long as the call.
  explicit CandidateJudge(int32 consumer);

  // A look at the queue begins, under the consumer's lock.
  void Begin();
  Judgement Judge(const Entry& entry);
  void End() { log_.Close(); }

  // Something was decided that must not be forgotten.
  bool must_write() const { return decided_; }
  // It said kStop because evaluations took long: there may be more to take.
  bool out_of_time() const { return out_of_time_; }
  // In the transaction of the claim.
  void Write();

 private:
  void LoadConsumer();
  Judgement Evaluate(const Entry& entry, const LogRow& row);
  SandboxResult Run(const LogRow& row, const char* sql);
  Judgement Good(const Entry& entry, bool match);
  Judgement Failed(const LogRow& row, const char* error);
  Judgement Suspend(const LogRow& row, const char* reason);

  int32 id_;
  MemoryContext context_;
  MemoryContext loaded_;                // consumer_, of one look
  MemoryContext each_;                  // of one evaluation
  const Consumer* consumer_ = nullptr;  // as it is now; read for the first candidate
  LogReader log_;
  UnchangedFiller filler_{nullptr};
  HashMap<bool> discarded_;  // by ordinal
  // Of this look:
  int64 spent_ = 0;  // microseconds
  bool conflict_ = false;
  bool out_of_time_ = false;
  bool decided_ = false;
  int32 failures_ = 0;  // in a row, before those that are written
  bool failures_changed_ = false;
  const char* last_error_ = nullptr;
  const char* suspended_ = nullptr;  // why
  LogRow suspended_at_{};
  // Of this evaluation; volatile: an error jumps over its end.
  volatile bool prepared_ = false, gone_ = false, match_ = false;
};

}  // namespace sequin
