// Looks a stream up and checks who asks (stream.h).
#include "stream/stream.h"

#include "catalog/consumer.h"
#include "pg/table.h"

namespace sequin {
namespace {

// Columns of sequin.stream, in the order of api/stream_tables.sql.
enum StreamColumn : AttrNumber { kId = 1, kUuid, kName, kOwner, kOneMessagePerKey, kRetention };
enum GranteeColumn : AttrNumber { kGranteeStream = 1, kGrantee, kPrivilege };

Stream ReadStream(Relation table, HeapTuple tuple) {
  bool is_null;
  Stream stream{};
  stream.id = DatumGetInt32(ColumnOf(table, tuple, kId, &is_null));
  std::string_view name = TextView(ColumnOf(table, tuple, kName, &is_null));
  memcpy(stream.name, name.data(), Min(name.size(), kStreamNameBytesMax));
  stream.owner = DatumGetObjectId(ColumnOf(table, tuple, kOwner, &is_null));
  stream.one_message_per_key = DatumGetBool(ColumnOf(table, tuple, kOneMessagePerKey, &is_null));
  int64 retention = DatumGetInt64(ColumnOf(table, tuple, kRetention, &is_null));
  stream.retention_ms = is_null ? 0 : retention;
  return stream;
}

bool Scan(Relation table, Oid index, ScanKeyData key, Stream* stream) {
  bool found = false;
  Snapshot snapshot = TakeSnapshot();
  ScanOrdered(table, index, snapshot, {&key, 1}, Direction::kForward, [&](HeapTuple tuple) {
    *stream = ReadStream(table, tuple);
    found = true;
    return false;
  });
  ReleaseSnapshot(snapshot);
  return found;
}

bool FindByName(Relation table, std::string_view name, Stream* stream) {
  ScanKeyData key;
  ScanKeyInit(&key, kName, BTEqualStrategyNumber, F_TEXTEQ, TextDatum(name));
  return Scan(table, UniqueIndexOn(table, kName), key, stream);
}

// Texts that are no uuid find nothing.
bool FindByUuid(Relation table, std::string_view text, Stream* stream) {
  if (text.size() != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' ||
      text[23] != '-') {
    return false;
  }
  for (char c : text) {
    if (c != '-' && !isxdigit(static_cast<unsigned char>(c))) return false;
  }
  char* uuid = pnstrdup(text.data(), text.size());
  ScanKeyData key;
  ScanKeyInit(&key, kUuid, BTEqualStrategyNumber, F_UUID_EQ,
              DirectFunctionCall1(uuid_in, CStringGetDatum(uuid)));
  return Scan(table, UniqueIndexOn(table, kUuid), key, stream);
}

bool IsGrantee(int32 stream, Oid role, std::string_view privilege) {
  bool found = false;
  Relation table = OpenOwnTable("stream_grantee", AccessShareLock);
  ScanKeyData key = KeyInt4(kGranteeStream, BTEqualStrategyNumber, stream);
  Snapshot snapshot = TakeSnapshot();
  ScanPrimaryKey(table, snapshot, {&key, 1}, Direction::kForward, [&](HeapTuple tuple) {
    bool is_null;
    Oid grantee = DatumGetObjectId(ColumnOf(table, tuple, kGrantee, &is_null));
    found = TextView(ColumnOf(table, tuple, kPrivilege, &is_null)) == privilege &&
            has_privs_of_role(role, grantee);
    return !found;
  });
  ReleaseSnapshot(snapshot);
  CloseOwnTable(table, AccessShareLock);
  return found;
}

bool MayUse(const Stream& stream, StreamUse use) {
  Oid user = GetUserId();
  if (has_privs_of_role(user, stream.owner)) return true;
  switch (use) {
    case StreamUse::kManage:
      return IsMemberOf("sequin_admin");
    case StreamUse::kOwn:
      return false;
    case StreamUse::kPublish:
      return IsGrantee(stream.id, user, "publish") || IsMemberOf("sequin_agent");
    case StreamUse::kRead:
      return IsGrantee(stream.id, user, "read") || IsMemberOf("sequin_agent");
  }
  return false;
}

const char* WhoMay(StreamUse use) {
  switch (use) {
    case StreamUse::kPublish:
      return "Only its owner, roles with the privilege publish in sequin.grant_stream, and members "
             "of sequin_agent may publish.";
    case StreamUse::kRead:
      return "Only its owner, roles with the privilege read in sequin.grant_stream, and members of "
             "sequin_agent may read.";
    case StreamUse::kManage:
      return "Only its owner and members of sequin_admin may drop it.";
    case StreamUse::kOwn:
      return "Only its owner may alter it, and say who else may use it.";
  }
  return "";
}

}  // namespace

Stream FindStream(std::string_view name_or_uuid, StreamUse use) {
  Relation table = OpenOwnTable("stream", AccessShareLock);
  Stream stream;
  bool found = FindByName(table, name_or_uuid, &stream) || FindByUuid(table, name_or_uuid, &stream);
  CloseOwnTable(table, AccessShareLock);
  if (!found) {
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
            errmsg("stream \"%.*s\" does not exist", static_cast<int>(name_or_uuid.size()),
                   name_or_uuid.data()),
            errhint("The view sequin.streams lists the streams of this database."));
  }
  if (!MayUse(stream, use)) {
    ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
            errmsg("permission denied for stream \"%s\"", stream.name),
            errdetail_internal("%s", WhoMay(use)));
  }
  return stream;
}

bool FindStreamById(int32 id, Stream* stream) {
  Relation table = OpenOwnTable("stream", AccessShareLock);
  bool found = Scan(table, RelationGetPrimaryKeyIndex(table),
                    KeyInt4(kId, BTEqualStrategyNumber, id), stream);
  CloseOwnTable(table, AccessShareLock);
  return found;
}

bool MayReadStream(const Stream& stream, Oid role) {
  return has_privs_of_role(role, stream.owner) || IsGrantee(stream.id, role, "read");
}

void RequireReadableStream(int32 id, Oid consumer_owner) {
  Stream stream;
  if (id == 0 || !FindStreamById(id, &stream) || MayReadStream(stream, consumer_owner)) return;
  ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
          errmsg("role \"%s\" may not read stream \"%s\"", GetUserNameFromId(consumer_owner, true),
                 stream.name),
          errdetail("It owns the consumer, and its right was taken back."),
          errhint("The owner of the stream can call sequin.grant_stream."));
}

void LockStreamExclusive(int32 stream) {
  LockDatabaseObject(OwnTableOid("stream"), static_cast<Oid>(stream), 0, ExclusiveLock);
}

}  // namespace sequin
