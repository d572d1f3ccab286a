// The batch (batch.h).
#include "log/batch.h"

#include <algorithm>

#include "pg/crash_point.h"

namespace sequin {

static constexpr size_t kFreeChunksMax = 16;

void Batch::Init(MemoryContext parent) {
  *this = Batch{};
  context_ = NewContext(parent, "sequin batch");
  transactions_.context = context_;
  chunks_.context = context_;
  free_.context = context_;
  new_relations_.context = context_;
}

void Batch::BeginTransaction(TransactionId xid, XLogRecPtr commit_lsn, TimestampTz commit_time) {
  Transaction transaction{};
  transaction.xid = xid;
  transaction.commit_lsn = commit_lsn;
  transaction.commit_time = commit_time;
  transactions_.push(transaction);
  open_ = true;
}

Batch::Chunk Batch::NewChunk(size_t bytes) {
  if (bytes <= kChunkBytes && !free_.empty()) {
    Chunk chunk = free_.back();
    free_.count--;
    chunk.used = 0;
    return chunk;
  }
  Chunk chunk{};
  chunk.capacity = Max(bytes, kChunkBytes);
  chunk.data = static_cast<char*>(MemoryContextAllocHuge(context_, chunk.capacity));
  return chunk;
}

ChangeRecord* Batch::AddRecord(size_t bytes) {
  bytes = MAXALIGN(bytes);
  bool none = first_chunk_ == chunks_.count;
  if (none || chunks_.back().capacity - chunks_.back().used < bytes) {
    chunks_.push(NewChunk(bytes));
  }
  Chunk& chunk = chunks_.back();
  auto* record = reinterpret_cast<ChangeRecord*>(chunk.data + chunk.used);
  memset(static_cast<void*>(record), 0, sizeof(ChangeRecord));
  record->bytes = static_cast<uint32>(bytes);
  chunk.used += bytes;
  bytes_ += bytes;
  rows_++;
  transactions_.back().records++;
  return record;
}

// Only the last definition of each consumer counts: somebody may alter one a million times.
void Batch::AddEvent(int32 consumer, const char* definition) {
  Transaction& transaction = transactions_.back();
  if (transaction.events_context == nullptr) {
    transaction.events_context = NewContext(context_, "sequin definition events");
  }
  if (definition) definition = MemoryContextStrdup(transaction.events_context, definition);
  for (int i = 0; i < transaction.event_count; i++) {
    DefinitionEvent& event = transaction.events[i];
    if (event.consumer != consumer) continue;
    if (event.definition) pfree(const_cast<char*>(event.definition));
    event.definition = definition;
    return;
  }
  if (transaction.event_count == transaction.event_capacity) {
    transaction.event_capacity = Max(8, 2 * transaction.event_capacity);
    auto* events = NewArray<DefinitionEvent>(transaction.events_context,
                                             static_cast<size_t>(transaction.event_capacity));
    if (transaction.events) {
      std::copy_n(transaction.events, transaction.event_count, events);
      pfree(transaction.events);
    }
    transaction.events = events;
  }
  transaction.events[transaction.event_count++] = {consumer, definition};
}

void Batch::SetFeed(const FeedChunk& feed) {
  Transaction& transaction = transactions_.back();
  if (transaction.events_context == nullptr) {
    transaction.events_context = NewContext(context_, "sequin feed chunk");
  }
  FeedChunk* copy = New<FeedChunk>(transaction.events_context, feed);
  auto* running = NewArray<TransactionId>(transaction.events_context, feed.running_count);
  memcpy(running, feed.running, sizeof(TransactionId) * feed.running_count);
  copy->running = running;
  copy->groups = Vec<uint64>{};
  copy->groups.context = transaction.events_context;
  transaction.feed = copy;
}

void Batch::CommitTransaction(XLogRecPtr end_lsn) {
  Transaction& transaction = transactions_.back();
  open_ = false;
  transaction.end_lsn = end_lsn;
  if (transaction.records > 0 || transaction.event_count > 0) return;
  if (TransactionIdIsInProgress(transaction.xid)) return;
  if (transaction.events_context) MemoryContextDelete(transaction.events_context);
  transactions_.count--;
}

void Batch::AddRelation(const RelationName& name) {
  new_relations_.push(name);
}

void Batch::KeepWithinMemory() {
  if (bytes_ > kMemoryBytesMax) SpillChunks();
}

// Moves all chunks in memory to the file. Happens within one huge transaction only.
void Batch::SpillChunks() {
  if (file_ == nullptr) {
    // Not owned by the decoding transaction, whose resources end with it.
    ResourceOwner owner = CurrentResourceOwner;
    CurrentResourceOwner = nullptr;
    InContext(context_, [&] { file_ = BufFileCreateTemp(true); });
    CurrentResourceOwner = owner;
  }
  CrashPoint("capture.spill");
  for (size_t i = first_chunk_; i < chunks_.count; i++) {
    Chunk& chunk = chunks_[i];
    uint64 size = chunk.used;
    BufFileWrite(file_, &size, sizeof(size));
    BufFileWrite(file_, chunk.data, chunk.used);
    file_chunks_++;
    bytes_ -= chunk.used;
    Recycle(chunk);
  }
  chunks_.clear();
  first_chunk_ = 0;
}

void Batch::Recycle(Chunk chunk) {
  if (chunk.data == nullptr) return;
  if (chunk.capacity > kChunkBytes || free_.count >= kFreeChunksMax) {
    pfree(chunk.data);
  } else {
    free_.push(chunk);
  }
}

// Makes the oldest chunk the one being read; false when there is none.
bool Batch::LoadChunk() {
  Recycle(reading_);
  reading_ = Chunk{};
  read_at_ = 0;
  if (file_chunks_read_ < file_chunks_) {
    if (file_chunks_read_ == 0 && BufFileSeek(file_, 0, 0, SEEK_SET) != 0) {
      ereport(ERROR, errcode_for_file_access(), errmsg("could not rewind the spill file"));
    }
    uint64 size;
    if (BufFileRead(file_, &size, sizeof(size)) != sizeof(size)) {
      ereport(ERROR, errcode_for_file_access(), errmsg("could not read the spill file"));
    }
    reading_ = NewChunk(size);
    reading_.used = size;
    bytes_ += size;
    if (BufFileRead(file_, reading_.data, size) != size) {
      ereport(ERROR, errcode_for_file_access(), errmsg("could not read the spill file"));
    }
    file_chunks_read_++;
    return true;
  }
  if (first_chunk_ == chunks_.count) return false;
  reading_ = chunks_[first_chunk_++];
  return true;
}

ChangeRecord* Batch::FrontRecord() {
  if (TransactionAt(0).records == 0) return nullptr;
  // A chunk that is read to its end may still be the one being filled: it was used up to here.
  if (reading_.data == nullptr || read_at_ == reading_.used) {
    if (!LoadChunk()) elog(ERROR, "sequin batch has fewer records than it counted");
  }
  return reinterpret_cast<ChangeRecord*>(reading_.data + read_at_);
}

ChangeRecord* Batch::NextRecord() {
  ChangeRecord* record = FrontRecord();
  if (record == nullptr) return nullptr;
  read_at_ += record->bytes;
  bytes_ -= record->bytes;
  rows_--;
  TransactionAt(0).records--;
  return record;
}

void Batch::FinishFirstTransaction() {
  Transaction& transaction = TransactionAt(0);
  if (transaction.events_context) MemoryContextDelete(transaction.events_context);
  first_++;
}

size_t Batch::SkipEmpty(size_t visible) {
  size_t skipped = 0;
  for (; skipped < visible; skipped++) {
    const Transaction& transaction = TransactionAt(0);
    if (transaction.records > 0 || transaction.event_count > 0) break;
    FinishFirstTransaction();
  }
  return skipped;
}

// Takes away the first `taken` elements when they are the larger part: cheap in the long run.
template <typename T>
static void DropTaken(Vec<T>* list, size_t* taken) {
  if (*taken <= list->count / 2) return;
  list->count -= *taken;
  memmove(static_cast<void*>(list->data), list->data + *taken, list->count * sizeof(T));
  *taken = 0;
}

void Batch::Trim() {
  if (TransactionCount() > 0) {
    // Under steady load the last commit is never visible yet: the lists must not wait for that.
    DropTaken(&transactions_, &first_);
    DropTaken(&chunks_, &first_chunk_);
    return;
  }
  transactions_.clear();
  first_ = 0;
  Recycle(reading_);
  reading_ = Chunk{};
  read_at_ = 0;
  chunks_.clear();
  first_chunk_ = 0;
  bytes_ = 0;
  if (file_ != nullptr) {
    BufFileClose(file_);
    file_ = nullptr;
    file_chunks_ = file_chunks_read_ = 0;
  }
}

}  // namespace sequin
