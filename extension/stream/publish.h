// Writing a publish to the WAL.
#pragma once

#include "pg/prelude.h"
#include "stream/publish_message.h"

namespace sequin {

// Everybody may write logical messages, with any prefix. Ours are told from forged ones by the
// replication origin of their record, which no SQL function can give: origins of subscriptions are
// numbered from 1 on, and this is the last number there is before DoNotReplicateId.
inline constexpr RepOriginId kPublishOrigin = DoNotReplicateId - 1;
inline constexpr char kPublishPrefix[] = "sequin:publish";

// Part of the transaction: it is decoded between the other writes of it, when it commits. Rights
// and forms are the caller's matter, and so is the lock of the stream.
void EmitPublish(const PublishMessage& message);

// Whether a record of the WAL is a logical message with our prefix that we did not write.
bool IsForgedMessage(XLogReaderState* reader, RepOriginId origin);

}  // namespace sequin
