// The WAL message of a publish (publish.h).
#include "stream/publish.h"

#include "pg/memory.h"
#include "pg/planted.h"
#include "pg/transaction.h"

namespace sequin {

void EmitPublish(const PublishMessage& message) {
  size_t size = PublishMessageBytes(message);
  char small[1024];
  char* bytes = size <= sizeof(small) ? small : static_cast<char*>(palloc(size));
  WritePublishMessage(message, bytes);
  RepOriginId before = replorigin_session_origin;
  WithCleanup(
      [&] {
        replorigin_session_origin = kPublishOrigin;
        LogLogicalMessage(kPublishPrefix, bytes, size, !Planted("published_at_once"));
      },
      [before](bool) { replorigin_session_origin = before; });
  if (bytes != small) pfree(bytes);
}

bool IsForgedMessage(XLogReaderState* reader, RepOriginId origin) {
  if (origin == kPublishOrigin || XLogRecGetRmid(reader) != RM_LOGICALMSG_ID) return false;
  auto* message = reinterpret_cast<xl_logical_message*>(XLogRecGetData(reader));
  return std::string_view(message->message) == kPublishPrefix;
}

}  // namespace sequin
