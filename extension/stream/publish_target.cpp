// Streams that this backend has published to (publish_target.h).
#include "stream/publish_target.h"

#include "pg/table.h"

namespace sequin {
namespace {

struct Known {
  Oid user;  // InvalidOid: the place is free
  char name[kStreamNameBytesMax + 1];
  Stream stream;
};

constexpr int kKnownMax = 16;
Known known[kKnownMax];
int next_place = 0;
Oid stream_table = InvalidOid;
uint64 generation = 1;  // grows when anything may have changed
bool callbacks_registered = false;

void ForgetAll() {
  generation++;
  for (Known& each : known) each.user = InvalidOid;
}

void OnRelationChange(Datum, Oid relation) {
  if (!OidIsValid(relation) || relation == stream_table) ForgetAll();
}

void OnRoleChange(Datum, int, uint32) {
  ForgetAll();
}

void RegisterOnce() {
  if (callbacks_registered) return;
  callbacks_registered = true;
  CacheRegisterRelcacheCallback(OnRelationChange, Datum{0});
  CacheRegisterSyscacheCallback(AUTHOID, OnRoleChange, Datum{0});
  CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, OnRoleChange, Datum{0});
}

const Known* Find(std::string_view name) {
  Oid user = GetUserId();
  for (const Known& each : known) {
    if (each.user == user && name == each.name) return &each;
  }
  return nullptr;
}

void Remember(std::string_view name, const Stream& stream) {
  if (name.size() > kStreamNameBytesMax) return;
  Known& place = known[next_place];
  next_place = (next_place + 1) % kKnownMax;
  place = Known{};
  memcpy(place.name, name.data(), name.size());
  place.stream = stream;
  place.user = GetUserId();
}

}  // namespace

Stream LockStreamToPublish(std::string_view name) {
  RegisterOnce();
  for (;;) {
    Stream stream;
    if (const Known* found = Find(name)) {
      stream = found->stream;
    } else {
      stream_table = OwnTableOid("stream");
      stream = FindStream(name, StreamUse::kPublish);
    }
    uint64 before = generation;
    // Also hears of changes by those whom it waited for.
    LockDatabaseObject(stream_table, static_cast<Oid>(stream.id), 0, ShareLock);
    if (generation != before) continue;
    if (Find(name) == nullptr) {
      // Once more: it may have changed before we had the lock, without our hearing of it since.
      stream = FindStream(name, StreamUse::kPublish);
      Remember(name, stream);
    }
    return stream;
  }
}

void InvalidateStreams() {
  CacheInvalidateRelcacheByRelid(OwnTableOid("stream"));
}

}  // namespace sequin
