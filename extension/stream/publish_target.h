// The stream of a publish, found once and remembered: rights and all.
#pragma once

#include "stream/stream.h"

namespace sequin {

// FindStream for kPublish and LockStreamShared. What was found stays known to the backend until
// streams, their grants or roles change, as with the server's own catalogs.
Stream LockStreamToPublish(std::string_view name_or_uuid);

// By everything that changes streams or grants: tells all backends, when the transaction commits.
void InvalidateStreams();

}  // namespace sequin
