// How long streams hold messages, beyond the log.
//
// In the log a message lives as long as its segment, as all others do. Before a segment is dropped,
// the messages of it that a stream still holds are copied to log_kept; those that it does not hold
// are forgotten after the drop. All of it in parts, so that capture is never away for long. Called
// by the capture worker; it is the only writer of these tables.
#pragma once

#include "stream/key_state.h"

namespace sequin {

// A part of the copying, in the caller's transaction and SPI connection. True: all is there.
bool KeepStreamMessages(int32 segment_no);

// A part of the forgetting, in a transaction of its own; false: nothing was left to do.
bool TrimStreams(KeyState* key_state);

// In the caller's transaction and SPI connection: consumers that have gone past the messages they
// began with.
void ForgetPassedStarts(bool (*needs_before)(int32 consumer, int64 end_ord));

}  // namespace sequin
