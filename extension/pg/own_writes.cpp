// What of a transaction's WAL is ours (own_writes.h).
#include "pg/own_writes.h"

namespace sequin {

// Where this backend's WAL ended after own writes before which its transaction had written nothing
// else. XactLastRecEnd is behind the last record of the transaction, 0 while it has none.
static XLogRecPtr own_end = InvalidXLogRecPtr;

void RunWithOwnOrigin(void (*body)(void*), void* argument) {
  RepOriginId before = replorigin_session_origin;
  bool only_own = XLogRecPtrIsInvalid(XactLastRecEnd) || WroteOnlyOwn();
  WithCleanup(
      [&] {
        replorigin_session_origin = DoNotReplicateId;
        body(argument);
      },
      [before](bool) { replorigin_session_origin = before; });
  own_end = only_own ? XactLastRecEnd : InvalidXLogRecPtr;
}

bool WroteOnlyOwn() {
  return !XLogRecPtrIsInvalid(own_end) && XactLastRecEnd == own_end;
}

}  // namespace sequin
