// Delivers one push consumer: claims as far as its budget goes, sends each group in order, settles.
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <span>

#include "metrics/metrics.h"
#include "push/claim_sequencer.h"
#include "push/request_slots.h"
#include "push/transport.h"
#include "push/verdict.h"
#include "queue/consumer_feed.h"
#include "queue/payload_budget.h"
#include "queue/settler.h"

namespace sequin {

struct PushSettings {
  size_t requests_max = 512;        // under way in the whole agent
  size_t claim_messages_max = 256;  // in one claim
  size_t settle_items_max = 1000;   // in one statement
  size_t in_flight_default = 256;   // messages of a consumer that sets no limit
  Millis retry_after_max{3600000};
};

// What all push consumers share.
struct PushContext {
  Clock& clock;
  QueuePort& queue;
  Transport& transport;
  RequestSlots& slots;
  PayloadBudget& budget;
  SettleLoad& settle_load;
  Metrics& metrics;
  PushSettings settings;
};

class PushConsumer final : public FeedOwner, public SlotUser {
 public:
  PushConsumer(PushContext& context, ConsumerInfo info);
  ~PushConsumer() override;

  void Update(ConsumerInfo info);
  void Wake() { feed_.Wake(); }
  // Claims no more, for ever. What was not sent is given back; what is under way ends by itself.
  void Retire();

  bool idle() const {
    return active_ == 0 && settled_.empty() && settler_.idle() && !feed_.claiming();
  }
  size_t claimed() const { return active_; }
  const ConsumerInfo& info() const { return info_; }

  Demand NextDemand() override;
  void OnClaims(std::vector<Claim> claims, SteadyTime asked_at) override;
  void OnReceiveFailed(const Error& error) override;
  void OnSlotFree() override { SendReady(); }

 private:
  enum class State { kActive, kPaused, kRetired };

  // A claim whose messages are being delivered. Each message is: behind another of its group,
  // in `ready_`, under way, or finished.
  struct ActiveClaim {
    Claim messages;
    ClaimSequencer sequence;
    SteadyTime deadline;
    bool whole;  // one request for all of it
  };
  using ClaimPtr = std::shared_ptr<ActiveClaim>;
  // What goes out in one request.
  struct Ready {
    ClaimPtr claim;
    size_t entry;  // of a whole claim: 0
  };

  void AddClaim(Claim messages, SteadyTime deadline);
  void SendReady();
  bool TooLate(const ActiveClaim& claim) const;
  void Send(Ready ready);
  void OnReply(const Ready& sent, SteadyTime sent_at, const PushReply& reply);
  std::span<Message> MessagesOf(const Ready& ready);
  void Finish(const Ready& ready, const Verdict& verdict);
  void ReleaseReady();
  void FollowUp(const Ready& ready, bool accepted);
  void Forget(Message& message);
  bool MaySettleLater() const;
  void SettleNow();
  void WarnOfSettle(const Error& error);
  size_t FreeBudget();
  void AskAgain(Millis delay);

  PushContext& context_;
  ConsumerInfo info_;
  std::shared_ptr<const PushTarget> target_;
  std::shared_ptr<ConsumerMetrics> metrics_;
  State state_ = State::kActive;
  size_t active_ = 0;  // messages claimed and not finished
  std::deque<Ready> ready_;
  std::vector<SettleItem> settled_;  // not told to the settler yet
  SteadyTime settle_until_ = {};     // when the last of their claims ends
  std::unique_ptr<Alarm> settle_soon_;
  SteadyTime next_warning_at_ = {};
  SteadyTime resume_at_ = {};  // no claim before, after trouble of our own
  bool top_up_ = false;        // claim even a little: the time to wait for more is over
  std::unique_ptr<Alarm> ask_again_;
  Settler settler_;
  ConsumerFeed feed_;
  std::shared_ptr<PushConsumer*> self_;
};

}  // namespace sequin
