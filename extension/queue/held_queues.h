// The parked entries of the groups that one receive touches: queues of rows, read as they are
// needed, changed in memory, and written when the receive has decided.
//
// A queue is loaded from its front; its last row may be loaded before those between. Only the first
// entry of a group can be taken, and only its row says when or for whom it waits: all others have
// wait = kWaitBehind.
#pragma once

#include "queue/queue_store.h"

namespace sequin {

inline constexpr int32_t kHeldRowEntries = 64;  // more would make each change of a row dear

struct HeldChunk {  // one row
  HeldChunk* next;
  bool stored;
  bool changed;
  bool barrier;
  uint64_t handle;
  int64_t stored_ord;  // its key in the table
  uint32_t relation;
  int64_t ready_at;
  int64_t wait;
  std::string_view error;
  Entry* entries;  // row_entries long
  int32_t first;
  int32_t count;  // 0: to be deleted

  Entry& front() { return entries[first]; }
  Entry& back() { return entries[first + count - 1]; }
  // A row that the entry may be added to: it waits for nothing of its own, and is of one table.
  // Entries that were put back (ordinals below 0) have rows of their own: what the ordinals of a
  // row say about the log is true of all of them.
  bool OpenTo(const Entry& entry) const {
    return count > 0 && !barrier && ready_at == kAtOnce && error.data() == nullptr &&
           relation == entry.relation && (entries[first].ord < 0) == (entry.ord < 0);
  }
};

struct Group {
  uint64_t hash;
  HeldChunk* head;      // loaded from the front on, up to `loaded_to`
  HeldChunk* tail;      // last of that list
  HeldChunk* far_tail;  // rows beyond a gap: the last stored one and those added after it
  HeldChunk* far_end;
  int64_t loaded_to;  // greatest key read from the front
  bool loaded;        // the front is known
  bool complete;      // there is nothing in the table that is not in the list
  // What this receive knows and did.
  bool busy_known;
  int64_t busy;   // the open claim that has an entry of it, 0: none
  int32_t share;  // entries in the claim number `share_of`
  int32_t share_of;
  bool touched;
  bool listed;  // in the list of candidates in memory
};

class HeldQueues {
 public:
  HeldQueues(QueueStore* store, Memory memory, int32_t row_entries);

  // Reads up to `limit` rows in advance. When there are no more, groups without a row need no look.
  void LoadSome(int32_t limit);

  Group* Get(uint64_t hash);
  HeldChunk* FrontChunk(Group* group);  // nullptr: nothing is parked
  Entry* Front(Group* group) {
    HeldChunk* chunk = FrontChunk(group);
    return chunk ? &chunk->front() : nullptr;
  }
  bool Any(Group* group) { return FrontChunk(group) != nullptr; }
  void PopFront(Group* group);

  // A new entry, later than all of its group.
  void Append(Group* group, const Entry& entry);
  // One that comes back, wherever it belongs.
  void Insert(Group* group, const Entry& entry, int64_t ready_at, std::string_view error);
  // Removes entries from `keep` on.
  void CutFrom(Group* group, int64_t keep);

  // Says for whom the first entry of the group waits; all its other rows are behind.
  void SetWait(Group* group, int64_t wait);

  template <typename Visit>
  void ForEachGroup(Visit&& visit) {
    groups_.ForEach([&](uint64_t, Group*& group) { visit(group); });
  }
  template <typename Visit>
  void ForEachChunk(Group* group, Visit&& visit) {
    for (HeldChunk* chunk = group->head; chunk; chunk = chunk->next) visit(chunk);
    for (HeldChunk* chunk = group->far_tail; chunk; chunk = chunk->next) visit(chunk);
  }
  // Whether this stored row is in memory, where it may have changed.
  bool Loaded(uint64_t hash, int64_t ord);

 private:
  HeldChunk* NewChunk(const Entry& entry, int64_t ready_at, std::string_view error);
  HeldChunk* FromRow(const HeldRow& row);
  void AddLoaded(Group* group, HeldChunk* chunk);
  bool LoadNext(Group* group);
  void CloseGap(Group* group);
  HeldChunk* Last(Group* group);
  void InsertInto(HeldChunk* chunk, const Entry& entry);
  void MoveLater(Group* group, HeldChunk* before, HeldChunk* chunk);

  QueueStore* store_;
  Memory memory_;
  int32_t row_entries_;
  HashMap<Group*> groups_;
  bool all_loaded_ = false;
};

}  // namespace sequin
