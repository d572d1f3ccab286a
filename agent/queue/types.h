// The values that flow between the queue in the database and the two ways of delivering.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace sequin {

enum class ConsumerKind { kPush, kPull };
enum class ConsumerStatus { kActive, kPaused };

using HeaderList = std::vector<std::pair<std::string, std::string>>;

struct ConsumerInfo {
  int number = 0;
  std::string id;
  std::string name;
  ConsumerKind kind = ConsumerKind::kPull;
  ConsumerStatus status = ConsumerStatus::kActive;
  std::string url;
  HeaderList headers = {};
  int batch_size = 1;
  int max_in_flight = 0;  // 0 = the consumer sets none
  Millis visibility_timeout{30000};
  Millis request_timeout{30000};

  bool operator==(const ConsumerInfo&) const = default;
};

struct Message {
  std::string ack_id;
  std::string envelope;               // JSON text, never parsed here
  std::optional<int64_t> group = {};  // messages without one are independent of all others
  int deliver_count = 1;
  std::string message_id = {};
  size_t bytes = 0;  // of the envelope that was counted in the payload budget
};

using Claim = std::vector<Message>;
// How many of them had been delivered before.
size_t RedeliveredIn(const Claim& claim);

enum class Outcome { kAck, kNack, kRelease, kDeadLetter };
std::string_view OutcomeName(Outcome outcome);

struct SettleItem {
  std::string ack_id;
  Outcome outcome = Outcome::kAck;
  std::optional<Millis> delay = {};  // nothing = the consumer's policy
  std::string error = {};
};

// ACKED, NACKED, RELEASED, EXTENDED, ALREADY_ACKED, STALE or UNKNOWN, as the database says it.
struct SettleResult {
  std::string ack_id;
  std::string result;
};

}  // namespace sequin
