// The slot of this database and the WAL behind it (wal_source.h).
#include "capture/wal_source.h"

#include "capture/names.h"
#include "pg/transaction.h"

namespace sequin {

// Like read_local_xlog_page, but returns at the end of the flushed WAL instead of sleeping there:
// the worker has a batch to write. (read_local_xlog_page_no_wait expects a private_data of its
// own, which in decoding is the LogicalDecodingContext.)
static int ReadPage(XLogReaderState* state, XLogRecPtr page, int required, XLogRecPtr,
                    char* buffer) {
  TimeLineID timeline;
  XLogRecPtr flushed = GetFlushRecPtr(&timeline);
  if (flushed < page + static_cast<XLogRecPtr>(required)) return XLREAD_WOULDBLOCK;
  XLogReadDetermineTimeline(state, page, static_cast<uint32>(required), timeline);
  int available = static_cast<int>(Min(flushed - page, static_cast<XLogRecPtr>(XLOG_BLCKSZ)));
  WALReadError error;
  // The whole page, as the server's own callbacks do: bytes behind the flushed ones are not used.
  if (!WALRead(state, buffer, page, XLOG_BLCKSZ, timeline, &error)) WALReadRaiseError(&error);
  return available;
}

static XLogReaderRoutine Routine(XLogPageReadCB read) {
  XLogReaderRoutine routine{};
  routine.page_read = read;
  routine.segment_open = wal_segment_open;
  routine.segment_close = wal_segment_close;
  return routine;
}

bool SlotExists(const char* name) {
  return SearchNamedReplicationSlot(name, true) != nullptr;
}

// In a transaction: otherwise the process would be marked PROC_IN_LOGICAL_DECODING, which makes
// everybody else take its own later writes for aborted.
XLogRecPtr CreateSlot(const char* name) {
  XLogRecPtr start = InvalidXLogRecPtr;
  StartTransactionCommand();
  MemoryContext in_transaction = MemoryContextSwitchTo(TopMemoryContext);
  ReplicationSlotCreate(name, true, RS_EPHEMERAL, false);
  XLogReaderRoutine routine = Routine(read_local_xlog_page);
  LogicalDecodingContext* context = CreateInitDecodingContext(
      kPluginName, NIL, false, InvalidXLogRecPtr, &routine, nullptr, nullptr, nullptr);
  DecodingContextFindStartpoint(context);
  start = MyReplicationSlot->data.confirmed_flush;
  FreeDecodingContext(context);
  ReplicationSlotPersist();
  MemoryContextSwitchTo(in_transaction);
  CommitTransactionCommand();
  return start;
}

void AcquireSlot(const char* name) {
  ReplicationSlotAcquire(name, false);
  if (MyReplicationSlot->data.persistency != RS_PERSISTENT ||
      strcmp(NameStr(MyReplicationSlot->data.plugin), kPluginName) != 0) {
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("replication slot \"%s\" was not made by Sequin", name));
  }
  if (SlotIsInvalid(MyReplicationSlot)) {
    ereport(
        ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
        errmsg("replication slot \"%s\" is lost: the server no longer keeps the WAL for it", name),
        errhint("Changes since then cannot be captured any more. To go on from now: SELECT "
                "pg_drop_replication_slot('%s'); SELECT sequin.start(); the gap is recorded in "
                "sequin.gap. Raise max_slot_wal_keep_size, or idle_replication_slot_timeout where "
                "the server has it.",
                name));
  }
}

LogicalDecodingContext* OpenDecoding(XLogRecPtr start) {
  StartTransactionCommand();
  MemoryContext in_transaction = MemoryContextSwitchTo(TopMemoryContext);
  XLogReaderRoutine routine = Routine(ReadPage);
  LogicalDecodingContext* context =
      CreateDecodingContext(start, NIL, false, &routine, nullptr, nullptr, nullptr);
  MemoryContextSwitchTo(in_transaction);
  CommitTransactionCommand();
  XLogBeginRead(context->reader, MyReplicationSlot->data.restart_lsn);
  return context;
}

// Core queues a transactional message under the end of its record, which is where the next record
// begins: when that one belongs to another subtransaction, nothing says which comes first. So it is
// shown an end inside of the record.
static void ProcessMessage(LogicalDecodingContext* context) {
  XLogReaderState* reader = context->reader;
  XLogRecPtr end = reader->EndRecPtr;
  reader->EndRecPtr = reader->ReadRecPtr + 1;
  LogicalDecodingProcessRecord(context, reader);
  reader->EndRecPtr = end;
}

static bool IsTransactionalMessage(XLogReaderState* reader) {
  if (XLogRecGetRmid(reader) != RM_LOGICALMSG_ID) return false;
  return reinterpret_cast<xl_logical_message*>(XLogRecGetData(reader))->transactional;
}

bool DecodeRecord(LogicalDecodingContext* context) {
  char* error = nullptr;
  XLogRecord* record = XLogReadRecord(context->reader, &error);
  if (error != nullptr) {
    ereport(ERROR, errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not read the WAL: %s", error));
  }
  if (record == nullptr) return false;
  if (IsTransactionalMessage(context->reader)) {
    ProcessMessage(context);
  } else {
    LogicalDecodingProcessRecord(context, context->reader);
  }
  return true;
}

}  // namespace sequin
