// The batch: what decoding produced and the log does not have yet, in commit order.
//
// Writing is impossible inside decoding callbacks, so a transaction's rows wait here until its
// commit was decoded. Rows are kept as finished heap tuples of a log segment (only seq is still
// missing) with their targets. Memory is bounded: beyond kMemoryBytesMax the oldest chunks go to a
// temporary file, in order; reading is sequential, too.
//
//   record := ChangeRecord, tuple (HeapTupleHeader and data), Target[target_count],
//             Letter[letter_count], StateRow[…]; each part starts at a multiple of 8
#pragma once

#include "pg/memory.h"

namespace sequin {

inline constexpr size_t kChunkBytes = 1024 * 1024;
inline constexpr size_t kMemoryBytesMax = 64 * kChunkBytes;

struct ChangeRecord {
  uint32 bytes;  // of the whole record
  uint32 tuple_bytes;
  uint32 target_count;
  uint32 letter_bytes;
  uint32 state_bytes;
  int64 commit_idx;
};

// A consumer that gets the change.
struct Target {
  int32 consumer;
  uint32 flags;  // EntryFlag
  Oid relation;
  uint64 group;
  uint64 second_group;
};

// A consumer that would perhaps get the change, which cannot be turned into a message. Followed by
// `bytes` of error text.
struct Letter {
  int32 consumer;
  uint32 bytes;
};

// The message is now the newest of a key. Followed by `key_bytes` of key, then zeroes up to a
// multiple of 8.
struct StateRow {
  uint64 hash;  // of the key; what the group is in targets
  int32 owner;  // a stream, or a consumer with mode latest
  uint32 kind;  // StateKind
  Oid relation;
  uint32 bytes;  // of the message
  uint32 key_bytes;
};

enum StateKind : uint32 { kStreamMessage, kStreamMessageAlone, kLatestOfConsumer };

// A definition that a decoded transaction changed, in force after its commit. JSON text, or
// nullptr when the consumer was dropped.
struct DefinitionEvent {
  int32 consumer;
  const char* definition;
};

struct RelationName {
  int32 id;
  Oid reloid;
  const char* schema;
  const char* table;
};

// A transaction of the feeder (backfill/README.md): its rows were read under an older snapshot, so
// that they may have been overtaken by changes that the log has before them.
struct FeedChunk {
  int32 feed;
  int32 consumer;
  int64 low_ord;  // the consumer's route from here on was appended after the snapshot's beginning
  TransactionId xmin;
  TransactionId xmax;
  uint32 running_count;
  const TransactionId* running;  // top level, ascending as numbers
  Oid relation;                  // of the rows, as published
  bool by_key;                   // the group of a row is its key
  Vec<uint64> groups;            // of the rows; none when they have no key
};

struct Transaction {
  TransactionId xid;
  XLogRecPtr commit_lsn;  // of the commit record
  XLogRecPtr end_lsn;     // after it
  TimestampTz commit_time;
  int64 records;    // not yet taken
  int64 first_idx;  // changes before it are in the log already
  MemoryContext events_context;
  DefinitionEvent* events;
  int event_count;
  int event_capacity;
  FeedChunk* feed;  // nullptr: of somebody else
};

class Batch {
 public:
  void Init(MemoryContext parent);

  // Decoding side. -----------------------------------------------------------------------------
  void BeginTransaction(TransactionId xid, XLogRecPtr commit_lsn, TimestampTz commit_time);
  const Transaction& OpenTransaction() const { return transactions_.data[transactions_.count - 1]; }
  // Room for one record of the open transaction, zeroed; its header is filled in.
  ChangeRecord* AddRecord(size_t bytes);
  // After each change. Not while it is being encoded: that a disk is full is not its fault.
  void KeepWithinMemory();
  void AddEvent(int32 consumer, const char* definition);  // copies
  // The open transaction is one of the feeder. Copies.
  void SetFeed(const FeedChunk& feed);
  // Ends the open transaction. One without records and events leaves no trace, unless it is not
  // visible yet: progress must not pass what nobody sees.
  void CommitTransaction(XLogRecPtr end_lsn);
  void AddRelation(const RelationName& name);  // strings live for the process

  // Writing side. ------------------------------------------------------------------------------
  size_t TransactionCount() const { return transactions_.count - first_; }
  Transaction& TransactionAt(size_t i) { return transactions_[first_ + i]; }
  // The next call of Next- or FrontRecord ends the validity of all records before it.
  bool AtChunkEnd() const { return reading_.data == nullptr || read_at_ == reading_.used; }
  // The next record of the first transaction; nullptr when that has none left. Valid until a
  // call at the end of a chunk.
  ChangeRecord* NextRecord();
  // The same, without taking it.
  ChangeRecord* FrontRecord();
  void FinishFirstTransaction();
  // Forgets the leading transactions of `visible` that have nothing to write; returns how many.
  size_t SkipEmpty(size_t visible);
  // Frees what was taken. Ends the validity of records, when nothing is left.
  void Trim();
  Vec<RelationName>& new_relations() { return new_relations_; }

  int64 rows() const { return rows_; }
  size_t bytes() const { return bytes_; }
  bool empty() const { return TransactionCount() == 0; }
  // False while the spill file is being read: it cannot be appended to at the same time.
  bool CanGrow() const { return file_chunks_read_ == 0; }

 private:
  struct Chunk {
    char* data;
    size_t used;
    size_t capacity;
  };
  Chunk NewChunk(size_t bytes);
  void SpillChunks();
  bool LoadChunk();
  void Recycle(Chunk chunk);

  MemoryContext context_;
  Vec<Transaction> transactions_;  // before first_: taken
  size_t first_;
  bool open_;
  Vec<Chunk> chunks_;  // in memory, oldest first
  size_t first_chunk_;
  Vec<Chunk> free_;
  Chunk reading_;  // the chunk being read, or empty
  size_t read_at_;
  BufFile* file_;  // older than every chunk in memory
  int64 file_chunks_;
  int64 file_chunks_read_;
  int64 rows_;
  size_t bytes_;
  Vec<RelationName> new_relations_;
};

}  // namespace sequin
