// See types.h.
#include "queue/types.h"

#include <algorithm>

namespace sequin {

std::string_view OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAck:
      return "ack";
    case Outcome::kNack:
      return "nack";
    case Outcome::kRelease:
      return "release";
    case Outcome::kDeadLetter:
      return "dead_letter";
  }
  return "";
}

size_t RedeliveredIn(const Claim& claim) {
  return static_cast<size_t>(std::count_if(claim.begin(), claim.end(), [](const Message& message) {
    return message.deliver_count > 1;
  }));
}

}  // namespace sequin
