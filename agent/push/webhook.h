// Builds the request for one message or for a batch of them.
#pragma once

#include <vector>

#include "push/transport.h"
#include "queue/types.h"

namespace sequin {

// The body: the envelope itself, or {"data":[envelope,...]} when the consumer batches. Envelopes
// are copied as they are. The batch's webhook-id is made of its first message and its size.
PushRequest BuildWebhook(const ConsumerInfo& consumer, const std::vector<const Message*>& messages,
                         WallTime now);

}  // namespace sequin
