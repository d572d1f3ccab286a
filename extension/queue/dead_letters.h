// Messages that are given up: each keeps a copy of its envelope, for the log will go.
#pragma once

#include "queue/claim_engine.h"
#include "queue/envelope.h"
#include "queue/message_row.h"
#include "queue/table_writer.h"

namespace sequin {

// The ordinal of an entry that never was in a route: it cannot be put back.
inline constexpr int64 kNotInRoute = -1;

class DeadLetterWriter {
 public:
  explicit DeadLetterWriter(const Consumer* consumer) : consumer_(consumer) {}

  // `row` is that of the log, nullptr when it has it no more; `rows` make of it what the consumer
  // gets, nullptr: it is that.
  void Write(const Entry& entry, const char* reason, std::string_view error, const LogRow* row,
             EnvelopeWriter* envelopes, MessageRows* rows = nullptr);
  // Before the first letter, in a context that lasts until Close.
  void Open();
  void Close();

 private:
  const Consumer* consumer_;
  TableWriter table_;
};

// What an engine has given up.
void WriteDeadLetters(const Consumer* consumer, ClaimEngine* engine);

}  // namespace sequin
