// Delayed messages: the capture worker publishes what is due.
//
// A row of sequin.delayed and the WAL message that takes its place are one transaction: a message
// is published once, whatever crashes. From there on it goes the way of all others.
#pragma once

#include "capture/shared_state.h"

namespace sequin {

class DelayedMessages {
 public:
  // Publishes what is due, a part of it when there is much. Errors are logged, not raised: other
  // work goes on.
  void Turn(DatabaseState* state);
  // Until Turn has something to do, as far as is known.
  long MillisecondsLeft() const;

 private:
  void Release(TimestampTz now);

  // All zeroes: nothing is known yet.
  TimestampTz next_due_;  // of what was committed when we looked
  // Rows before it are published, but for those that were committed since: `delayed_due` tells of
  // them, and a look from the beginning now and then finds those of prepared transactions.
  TimestampTz floor_;
  TimestampTz looked_at_;  // from the beginning
  TimestampTz complained_at_;
};

// When this transaction commits the worker is told that something is due then.
void TellDelayedAtCommit(TimestampTz deliver_at);

}  // namespace sequin
