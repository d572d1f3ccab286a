// NOTIFY to agents (notify.h).
#include "capture/notify.h"

#include "capture/names.h"
#include "pg/transaction.h"

namespace sequin {

static constexpr int kPayloadBytesMax = 7000;  // NOTIFY allows 7999

// The queue of NOTIFY can be full: a session that listens, whoever's it is, sits in a transaction.
// Capture goes on; agents find their work by their slow polls meanwhile.
static void ComplainOfNotify(ErrorData* error) {
  static TimestampTz said_at = 0;
  TimestampTz now = GetCurrentTimestamp();
  if (TimestampDifferenceExceeds(said_at, now, 60000)) {
    said_at = now;
    ereport(LOG, errmsg("sequin could not notify its agents: %s", error->message));
  }
  FreeErrorData(error);
}

void SendNotifications(DatabaseState* state) {
  StringInfoData consumers;
  consumers.data = nullptr;
  for (pg_atomic_uint32& due : state->notify_due) {
    if (pg_atomic_read_u32(&due) == 0) continue;
    uint32 consumer = pg_atomic_exchange_u32(&due, 0);
    if (consumer == 0) continue;
    if (consumers.data == nullptr) initStringInfo(&consumers);
    if (consumers.len > kPayloadBytesMax) break;  // slow polls find the rest
    appendStringInfo(&consumers, consumers.len ? ",%u" : "%u", consumer);
  }
  bool definitions = pg_atomic_exchange_u32(&state->definitions_changed, 0) != 0;
  if (consumers.data == nullptr && !definitions) return;
  // Marked as ours, so that decoding skips its commit record.
  replorigin_session_origin = DoNotReplicateId;
  ErrorData* error = TryTransaction([&] {
    if (definitions) Async_Notify(kNotifyChannel, "definitions");
    if (consumers.data) Async_Notify(kNotifyChannel, consumers.data);
  });
  replorigin_session_origin = InvalidRepOriginId;
  if (consumers.data) pfree(consumers.data);
  if (error) ComplainOfNotify(error);
}

}  // namespace sequin
