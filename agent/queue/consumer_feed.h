// Decides when to claim for one consumer: after a wake, at a due time, or when the last claim was
// full; never twice at once, and only what its owner can take now.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "queue/queue_port.h"

namespace sequin {

struct Demand {
  std::vector<int> sizes;  // one claim each; empty = nothing wanted now
  std::optional<Millis> visibility_timeout = {};
};

class FeedOwner {
 public:
  virtual ~FeedOwner() = default;
  virtual Demand NextDemand() = 0;
  // As many claims as the demand had sizes. `asked_at` is before the claims' own start, so a
  // visibility timeout counted from it is never longer than the real one.
  virtual void OnClaims(std::vector<Claim> claims, SteadyTime asked_at) = 0;
  virtual void OnReceiveFailed(const Error& error) = 0;
};

class ConsumerFeed {
 public:
  ConsumerFeed(Clock& clock, QueuePort& queue, int consumer, FeedOwner& owner);

  void Wake();           // there may be work
  void DemandChanged();  // the owner may want more than before
  void ExpectDue();      // something was parked: learn when it is due
  void Stop();           // for ever; an answer under way still reaches the owner

  bool claiming() const { return claiming_; }

 private:
  enum class Work { kNoneKnown, kPossible, kStopped };

  void Pump();
  void OnAnswer(Result<std::vector<Claim>> answer, size_t asked, SteadyTime asked_at);
  void AskDue();

  Clock& clock_;
  QueuePort& queue_;
  int consumer_;
  FeedOwner& owner_;
  Work work_ = Work::kPossible;
  bool claiming_ = false;
  bool woken_while_claiming_ = false;
  bool found_nothing_ = false;  // the last claim
  Backoff backoff_;
  std::unique_ptr<Alarm> retry_;
  std::unique_ptr<Alarm> ask_due_;
  std::unique_ptr<Alarm> due_;
  std::shared_ptr<ConsumerFeed*> self_;  // answers that come after our end find it empty
};

}  // namespace sequin
