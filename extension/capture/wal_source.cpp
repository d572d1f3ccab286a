// The slot of this database and the WAL behind it (wal_source.h).
#include <unistd.h>

#include "capture/wal_source.h"

#include "capture/names.h"
#include "pg/transaction.h"

namespace sequin {

// More is not read through to count what was lost: delivery waits meanwhile.
static constexpr XLogRecPtr kCountedBytesMax = UINT64CONST(2) * 1024 * 1024 * 1024;

static bool reading_failed = false;

bool WalReadingFailed() {
  return reading_failed;
}

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

static void OpenWalSegment(XLogReaderState* state, XLogSegNo segment, TimeLineID* timeline) {
  char path[MAXPGPATH];
  XLogFilePath(path, *timeline, segment, state->segcxt.ws_segsize);
  reading_failed = access(path, F_OK) != 0 && errno == ENOENT;
  wal_segment_open(state, segment, timeline);
}

static XLogReaderRoutine Routine(XLogPageReadCB read) {
  XLogReaderRoutine routine{};
  routine.page_read = read;
  routine.segment_open = OpenWalSegment;
  routine.segment_close = wal_segment_close;
  return routine;
}

bool SlotExists(const char* name) {
  return SearchNamedReplicationSlot(name, true) != nullptr;
}

// In a transaction: otherwise the process would be marked PROC_IN_LOGICAL_DECODING, which makes
// everybody else take its own later writes for aborted.
XLogRecPtr CreateSlot(const char* name, void (*look)(void*), void* argument) {
  XLogRecPtr start = InvalidXLogRecPtr;
  StartTransactionCommand();
  // For the snapshot, which is that of a walsender's CREATE_REPLICATION_SLOT … SNAPSHOT 'use'.
  XactIsoLevel = XACT_REPEATABLE_READ;
  MemoryContext in_transaction = MemoryContextSwitchTo(TopMemoryContext);
  ReplicationSlotCreate(name, true, RS_EPHEMERAL, false);
  XLogReaderRoutine routine = Routine(read_local_xlog_page);
  LogicalDecodingContext* context = CreateInitDecodingContext(
      kPluginName, NIL, true, InvalidXLogRecPtr, &routine, nullptr, nullptr, nullptr);
  DecodingContextFindStartpoint(context);
  start = MyReplicationSlot->data.confirmed_flush;
  InvalidateCatalogSnapshot();
  RestoreTransactionSnapshot(SnapBuildInitialSnapshot(context->snapshot_builder), MyProc);
  PushActiveSnapshot(GetTransactionSnapshot());
  look(argument);
  PopActiveSnapshot();
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
}

void DropAcquiredSlot() {
  SlotName name;
  strlcpy(name.text, NameStr(MyReplicationSlot->data.name), sizeof(name.text));
  ReplicationSlotRelease();
  ReplicationSlotDrop(name.text, false);
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
    reading_failed = true;
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

// ---- counting -----------------------------------------------------------------------------------

static bool IsCommitOfOthers(XLogReaderState* reader) {
  if (XLogRecGetRmid(reader) != RM_XACT_ID) return false;
  uint8 kind = XLogRecGetInfo(reader) & XLOG_XACT_OPMASK;
  if (kind != XLOG_XACT_COMMIT && kind != XLOG_XACT_COMMIT_PREPARED) return false;
  xl_xact_parsed_commit commit;
  ParseCommitRecord(XLogRecGetInfo(reader),
                    reinterpret_cast<xl_xact_commit*>(XLogRecGetData(reader)), &commit);
  return commit.dbId == MyDatabaseId && XLogRecGetOrigin(reader) != DoNotReplicateId;
}

static int64 CountCommitsIn(XLogReaderState* reader, XLogRecPtr from, XLogRecPtr to) {
  int64 commits = 0;
  if (XLogRecPtrIsInvalid(XLogFindNextRecord(reader, from))) return -1;
  for (;;) {
    CHECK_FOR_INTERRUPTS();
    char* error = nullptr;
    XLogRecord* record = XLogReadRecord(reader, &error);
    if (error != nullptr || record == nullptr) return -1;
    if (reader->ReadRecPtr >= to) return commits;
    if (IsCommitOfOthers(reader)) commits++;
    // The slot begins at the end of this record: there may be none behind it yet.
    if (reader->EndRecPtr >= to) return commits;
  }
}

int64 CountCommits(XLogRecPtr from, XLogRecPtr to) {
  if (to <= from) return 0;
  if (to - from > kCountedBytesMax) return -1;
  int64 commits = -1;
  XLogReaderRoutine routine = Routine(ReadPage);
  XLogReaderState* reader = XLogReaderAllocate(wal_segment_size, nullptr, &routine, nullptr);
  if (reader == nullptr) return -1;
  ErrorData* error = InSubtransaction([&] { commits = CountCommitsIn(reader, from, to); });
  XLogReaderFree(reader);
  reading_failed = false;  // it was not the WAL that capture has to read
  return error == nullptr ? commits : -1;
}

}  // namespace sequin
