// See types.h.
#include "queue/types.h"

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

}  // namespace sequin
