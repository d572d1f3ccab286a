// A stream as declared, read from sequin.stream, and who may use it.
#pragma once

#include "pg/prelude.h"

namespace sequin {

inline constexpr size_t kStreamNameBytesMax = 63;

struct Stream {
  int32 id;
  char name[kStreamNameBytesMax + 1];
  Oid owner;
  bool one_message_per_key;
  int64 retention_ms;  // 0: none
};

enum class StreamUse {
  kPublish,  // the owner, grantees, sequin_agent, superusers
  kRead,     // the same
  kManage,   // drop: the owner, sequin_admin, superusers
  kOwn,      // alter, and say who else may: the owner, superusers
};

// By name or by uuid text, as of this moment under every isolation level. ERROR 42704 when there is
// none, 42501 when the current user may not.
Stream FindStream(std::string_view name_or_uuid, StreamUse use);
// Without a check of rights. False: there is none.
bool FindStreamById(int32 id, Stream* stream);
// The owner of a consumer may still read the stream, if it has one. ERROR 42501.
void RequireReadableStream(int32 stream, Oid consumer_owner);
// Whether a role may read: it owns the stream or was granted it.
bool MayReadStream(const Stream& stream, Oid role);

// Publishers hold a shared one to the end of their transactions (publish_target.h); what drops or
// alters a stream takes this one: nothing is published to a stream that is gone, or in another
// mode.
void LockStreamExclusive(int32 stream);

}  // namespace sequin
