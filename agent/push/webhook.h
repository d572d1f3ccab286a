// Builds the request for one message or for a batch of them.
#pragma once

#include <memory>
#include <span>

#include "push/transport.h"
#include "queue/types.h"

namespace sequin {

// The consumer's URL and headers, without those that it must not set.
std::shared_ptr<const PushTarget> TargetOf(const ConsumerInfo& consumer);

// The body: the envelope itself, or {"data":[envelope,...]} when the consumer batches. Envelopes
// are used as they are, and leave the messages. The batch's webhook-id is made of its first message
// and its size.
PushRequest BuildWebhook(std::shared_ptr<const PushTarget> target, bool batch,
                         std::span<Message> messages, WallTime now);

}  // namespace sequin
