// SQL functions that declare streams (api/streams.sql). They run as their caller, whose rights
// count, and write as the owner of the extension.
#include "catalog/declaration.h"
#include "catalog/owner_statement.h"
#include "catalog/stored_consumer.h"
#include "queue/arguments.h"
#include "stream/publish_target.h"
#include "wake/wake.h"

namespace sequin {
namespace {

constexpr int64 kRetentionMaxMs = INT64CONST(36500) * 86'400'000;

void CheckStreamName(std::string_view name) {
  bool good = !name.empty() && name.size() <= kStreamNameBytesMax;
  for (char c : name) {
    good = good &&
           ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_');
  }
  if (good) return;
  ereport(
      ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
      errmsg("\"%.*s\" cannot be the name of a stream", static_cast<int>(name.size()), name.data()),
      errhint("A name has 1 to 63 letters (a to z), digits and _."));
}

// Milliseconds; 0: none.
int64 RetentionArgument(FunctionCallInfo call, int number, bool zero_allowed) {
  if (call->args[number].isnull) return 0;
  int64 ms = MillisecondsOf(DatumGetIntervalP(call->args[number].value));
  if (ms < (zero_allowed ? 0 : 1) || ms > kRetentionMaxMs) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("retention is out of range"),
            errhint("It may be from 1 millisecond to 100 years."));
  }
  return ms;
}

bool StreamExists(const char* name) {
  bool exists = false;
  StatementValues values;
  values.Text(name);
  RunAsOwner("SELECT 1 FROM sequin.stream WHERE name = $1", values,
             [&](HeapTuple, TupleDesc) { exists = true; });
  return exists;
}

void RefuseDuplicate(const char* name) {
  if (!StreamExists(name)) return;
  ereport(ERROR, errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("stream \"%s\" already exists", name));
}

Datum CreateStream(FunctionCallInfo call) {
  std::string_view view = TextArgument(call, 0, "name");
  RequireArgument(call, 1, "one_message_per_key");
  CheckStreamName(view);
  const char* name = pnstrdup(view.data(), view.size());
  int64 retention = RetentionArgument(call, 2, false);
  RefuseDuplicate(name);
  EnsureCapture();
  LockDeclarations();
  RefuseDuplicate(name);
  StatementValues values;
  values.Text(name)
      .Role(GetUserId())
      .Bool(DatumGetBool(call->args[1].value))
      .Add(INT8OID, Int64GetDatum(retention), retention == 0);
  auto* uuid = static_cast<pg_uuid_t*>(palloc(sizeof(pg_uuid_t)));
  RunAsOwner(
      "INSERT INTO sequin.stream (name, owner, one_message_per_key, retention_ms)"
      " VALUES ($1, $2, $3, $4) RETURNING uuid",
      values, [&](HeapTuple row, TupleDesc columns) {
        bool is_null;
        *uuid = *DatumGetUUIDP(SPI_getbinval(row, columns, 1, &is_null));
      });
  InvalidateStreams();
  return UUIDPGetDatum(uuid);
}

// Waits for publishers before it takes the lock that everybody who declares waits for.
Stream LockForChange(std::string_view name, StreamUse use) {
  PreventCommandDuringRecovery("changing consumers or streams");
  int32 id = FindStream(name, use).id;
  LockStreamExclusive(id);
  LockDeclarations();
  Stream stream = FindStream(name, use);
  if (stream.id == id) return stream;
  ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
          errmsg("stream \"%s\" was dropped and made anew", stream.name));
}

void AlterStream(FunctionCallInfo call) {
  Stream stream = LockForChange(TextArgument(call, 0, "name"), StreamUse::kOwn);
  if (!call->args[1].isnull) stream.one_message_per_key = DatumGetBool(call->args[1].value);
  if (!call->args[2].isnull) stream.retention_ms = RetentionArgument(call, 2, true);
  StatementValues values;
  values.Int4(stream.id)
      .Bool(stream.one_message_per_key)
      .Add(INT8OID, Int64GetDatum(stream.retention_ms), stream.retention_ms == 0);
  RunAsOwner(
      "UPDATE sequin.stream SET one_message_per_key = $2, retention_ms = $3, updated_at = now()"
      " WHERE id = $1",
      values);
  InvalidateStreams();
}

void RefuseWithConsumers(const Stream& stream) {
  StatementValues values;
  values.Int4(stream.id);
  RunAsOwner("SELECT name FROM sequin.consumer WHERE stream = $1 ORDER BY name LIMIT 1", values,
             [&](HeapTuple row, TupleDesc columns) {
               ereport(ERROR, errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
                       errmsg("stream \"%s\" has consumers", stream.name),
                       errdetail("One of them is \"%s\".", SPI_getvalue(row, columns, 1)),
                       errhint("Drop them first, with sequin.drop_consumer."));
             });
}

// What capture keeps of the stream it deletes itself, when nothing can come any more.
void DropStream(FunctionCallInfo call) {
  Stream stream = LockForChange(TextArgument(call, 0, "name"), StreamUse::kManage);
  RefuseWithConsumers(stream);
  for (const char* statement : {"DELETE FROM sequin.delayed WHERE stream = $1",
                                "DELETE FROM sequin.stream WHERE id = $1"}) {
    StatementValues values;
    values.Int4(stream.id);
    RunAsOwner(statement, values);
  }
  InvalidateStreams();
}

// ---- grants ------------------------------------------------------------------------------------

Oid RoleArgument(FunctionCallInfo call) {
  RequireArgument(call, 1, "role");
  Oid role = DatumGetObjectId(call->args[1].value);
  GetUserNameFromId(role, false);  // a number is not checked by regrole
  return role;
}

void ForEachPrivilege(FunctionCallInfo call, const char* statement) {
  Stream stream = FindStream(TextArgument(call, 0, "name"), StreamUse::kOwn);
  Oid role = RoleArgument(call);
  RequireArgument(call, 2, "privileges");
  TextList privileges = TextListOf(call->args[2].value, "privileges");
  for (const char* privilege : privileges) {
    if (strcmp(privilege, "publish") != 0 && strcmp(privilege, "read") != 0) {
      ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
              errmsg("\"%s\" is not a privilege of a stream", privilege),
              errhint("Privileges are publish and read."));
    }
    StatementValues values;
    values.Int4(stream.id).Role(role).Text(privilege);
    RunAsOwner(statement, values);
  }
  InvalidateStreams();
}

}  // namespace
}  // namespace sequin

using namespace sequin;

extern "C" {

PG_FUNCTION_INFO_V1(sequin_create_stream);
Datum sequin_create_stream(PG_FUNCTION_ARGS) {
  return CreateStream(fcinfo);
}

PG_FUNCTION_INFO_V1(sequin_alter_stream);
Datum sequin_alter_stream(PG_FUNCTION_ARGS) {
  AlterStream(fcinfo);
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_drop_stream);
Datum sequin_drop_stream(PG_FUNCTION_ARGS) {
  DropStream(fcinfo);
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_grant_stream);
Datum sequin_grant_stream(PG_FUNCTION_ARGS) {
  ForEachPrivilege(fcinfo,
                   "INSERT INTO sequin.stream_grantee (stream, grantee, privilege)"
                   " VALUES ($1, $2, $3) ON CONFLICT DO NOTHING");
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sequin_revoke_stream);
Datum sequin_revoke_stream(PG_FUNCTION_ARGS) {
  ForEachPrivilege(fcinfo,
                   "DELETE FROM sequin.stream_grantee"
                   " WHERE stream = $1 AND grantee = $2 AND privilege = $3");
  PG_RETURN_VOID();
}

}  // extern "C"
