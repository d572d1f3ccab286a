// SQL function rewind (api/queue.sql): sets the position of a consumer. One row, whatever the
// backlog; what is parked at or after the new position is dropped from the queue and comes again
// from the route.
#include "log/positions.h"
#include "log/reader.h"
#include "pg/table.h"
#include "queue/arguments.h"
#include "queue/own_statement.h"
#include "queue/queue_change.h"
#include "queue/queue_tables.h"

namespace sequin {
namespace {

enum Argument { kConsumer, kToPlace, kToLsn, kToTime, kToSeq, kDryRun };

Argument TargetOf(FunctionCallInfo call) {
  int given = 0;
  Argument target = kToPlace;
  for (Argument argument : {kToPlace, kToLsn, kToTime, kToSeq}) {
    if (call->args[argument].isnull) continue;
    target = argument;
    given++;
  }
  if (given != 1) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("one of to_place, to_lsn, to_time and to_seq must be given"));
  }
  return target;
}

[[noreturn]] void RefuseDropped() {
  OldestRow oldest{};
  bool any = FindOldestRow(&oldest);
  ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
          errmsg("the log does not go back so far"),
          !any
              ? errdetail("All messages that it had were dropped.")
              : errdetail("Its oldest message is seq " INT64_FORMAT ", committed at LSN %X/%X, %s.",
                          oldest.seq, LSN_FORMAT_ARGS(oldest.commit_lsn),
                          timestamptz_to_str(oldest.commit_time)),
          errhint("to_place => 'beginning' goes to what is left; sequin.retention says how long "
                  "messages are kept."));
  pg_unreachable();
}

int64 OrdinalOf(int32 consumer, const LogPlace& place) {
  if (place.dropped) RefuseDropped();
  return OrdinalOfSeq(consumer, place.seq);
}

int64 OrdinalOfName(int32 consumer, std::string_view name) {
  RouteRange range = RouteOf(consumer);
  if (name == "beginning") {
    // Holds the oldest segment, which must not go before the position is committed.
    return OrdinalOfSeq(consumer, PG_INT64_MIN);
  }
  if (name == "end") return range.end;
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("\"%.*s\" is not a place", static_cast<int>(name.size()), name.data()),
          errhint("to_place can be 'beginning' or 'end'."));
  return 0;
}

int64 OrdinalOfTime(int32 consumer, TimestampTz time) {
  if (TIMESTAMP_NOT_FINITE(time)) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("to_time must be finite"),
            errhint("to_place can be 'beginning' or 'end'."));
  }
  return OrdinalOf(consumer, PlaceOfTime(time));
}

int64 Ordinal(FunctionCallInfo call, int32 consumer) {
  Argument target = TargetOf(call);
  Datum value = call->args[target].value;
  switch (target) {
    case kToLsn:
      return OrdinalOf(consumer, PlaceOfLsn(DatumGetLSN(value)));
    case kToTime:
      return OrdinalOfTime(consumer, DatumGetTimestampTz(value));
    case kToSeq:
      return OrdinalOf(consumer, PlaceOfSeq(DatumGetInt64(value)));
    default:
      return OrdinalOfName(consumer, TextView(value));
  }
}

// Whoever goes to the end wants nothing of what there is, not even where nothing is ready.
bool ToEnd(FunctionCallInfo call) {
  return !call->args[kToPlace].isnull && TextView(call->args[kToPlace].value) == "end";
}

struct Change {
  int64 from;
  int64 to;
};

// Without the lock: what would happen at this moment.
Change DryRun(FunctionCallInfo call, const Consumer* consumer) {
  Change change{0, Ordinal(call, consumer->id)};
  QueueTables tables(consumer->id);
  tables.OpenForReading(SnapshotSelf);
  tables.NewestClaim([&](const ClaimRow& row) {
    change.from = row.next_ord;
    return false;
  });
  tables.Close();
  return change;
}

Change SetPosition(FunctionCallInfo call, const Consumer* consumer) {
  Change change{};
  ChangeQueue(consumer, [&](ClaimEngine* engine) {
    // Under the lock: the position may have moved on meanwhile.
    change = {engine->next_ord(), Ordinal(call, consumer->id)};
    engine->Rewind(change.to, ToEnd(call));
  });
  return change;
}

Datum Rewind(FunctionCallInfo call) {
  TargetOf(call);
  RequireArgument(call, kDryRun, "dry_run");
  bool dry_run = DatumGetBool(call->args[kDryRun].value);
  if (!dry_run) RequireOwnStatement(call, "sequin.rewind");
  const Consumer* consumer =
      FindConsumer(TextArgument(call, kConsumer, "consumer"), ConsumerUse::kOperate);
  InitMaterializedSRF(call, 0);
  Change change = dry_run ? DryRun(call, consumer) : SetPosition(call, consumer);
  RouteRange range = RouteOf(consumer->id);
  // What was dropped from the beginning of the route is nobody's way any more.
  int64 from = Max(change.from, range.first);
  const char* direction = change.to < from                  ? "back"
                          : change.to > from || ToEnd(call) ? "forward"
                                                            : "nowhere";
  Datum values[3] = {TextDatum(direction),
                     Int64GetDatum(change.to < from ? from - change.to : change.to - from),
                     Int64GetDatum(Max(range.end - change.to, 0))};
  bool nulls[3] = {};
  auto* result = reinterpret_cast<ReturnSetInfo*>(call->resultinfo);
  tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  return Datum{0};
}

}  // namespace
}  // namespace sequin

extern "C" {

PG_FUNCTION_INFO_V1(sequin_rewind);
Datum sequin_rewind(PG_FUNCTION_ARGS) {
  return sequin::Rewind(fcinfo);
}

}  // extern "C"
