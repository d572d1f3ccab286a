// One receive: claims under the lock of the consumer, and the messages of what it claimed.
#pragma once

#include "catalog/consumer.h"
#include "queue/ack_id.h"
#include "queue/candidates.h"
#include "queue/claim_session.h"
#include "queue/envelope.h"
#include "stream/latest_reader.h"

namespace sequin {

struct ReceivedMessage {
  int32 claim;  // which of the batches asked for, from 1
  AckId id;
  uint64 group_hash;  // equal for messages that must be delivered one after the other
  const Entry* entry;
};

struct ReceiveRequest {
  std::span<const int32> batches;  // sizes, each becomes a claim
  int64 visibility;                // microseconds
  int64 bytes_max = 0;             // of each claim; 0: no limit
  const uint8* name = nullptr;     // 16 bytes: a live claim of that name is answered again
};

class Receiver {
 public:
  // In the current memory context, which lives as long as the call.
  Receiver(const Consumer* consumer, const ReceiveRequest& request);

  // Claims what there is. With `wait_rather` nothing is changed when there is nothing to take, and
  // the lock is free again. Returns whether messages were taken.
  bool Claim(bool wait_rather);
  // Between two looks: the consumer as it is now, for whoever has the right now. False: it is
  // paused.
  bool Renew();
  // After a Claim that took nothing: when something may be due without anybody's doing.
  int64 next_due() const { return next_due_; }
  bool full() const { return full_; }
  // The claim ended early: it had passed by many entries that must wait or do not match, or has
  // used up its time on filters, or what it decided must be kept before it can look again.
  bool more_to_scan() const { return more_to_scan_; }

  // The messages that were taken, with their texts: `answer` is called in order.
  // They may be fewer than were taken: an answer has its limit of bytes, and what is beyond it is
  // given back.
  void Answer(FunctionRef<void(const ReceivedMessage&, const LogRow&, EnvelopeWriter*)> answer);
  bool gave_back() const { return gave_back_; }

 private:
  bool Look(bool wait_rather);
  bool TakeBatches(ClaimEngine* engine);
  bool FindNamed(OpenClaims* open);
  ClaimRules Rules(const OpenClaims& open) const;
  void DropUnreadable(const ReceivedMessage& message);
  void GiveBackFrom(size_t claim, int32 position);

  const Consumer* consumer_;
  ReceiveRequest request_;
  MemoryContext look_;     // of one Claim: a receive that waits looks again and again
  MemoryContext renewed_;  // consumer_, once it was renewed
  CandidateJudge judge_;
  LatestReader latest_;
  QueueTables tables_;
  ClaimEngine* engine_ = nullptr;
  Vec<const Draft*> claims_;    // of the batches, nullptr: nothing
  const bool* over_ = nullptr;  // positions of a claim made before that are not answered again
  int64 next_due_ = PG_INT64_MAX;
  bool full_ = false;
  bool more_to_scan_ = false;
  bool gave_back_ = false;
};

}  // namespace sequin
