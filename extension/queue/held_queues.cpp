// Queues of parked entries in memory (held_queues.h).
#include "queue/held_queues.h"

#include "pg/planted.h"

namespace sequin {

HeldQueues::HeldQueues(QueueStore* store, Memory memory, int32_t row_entries)
    : store_(store), memory_(memory), row_entries_(row_entries), groups_(memory) {}

Group* HeldQueues::Get(uint64_t hash) {
  Group** place = groups_.Put(hash);
  if (*place == nullptr) {
    *place = memory_.New<Group>();
    (*place)->hash = hash;
    (*place)->loaded_to = INT64_MIN;
    (*place)->loaded = (*place)->complete = all_loaded_;
  }
  return *place;
}

void HeldQueues::LoadSome(int32_t limit) {
  int32_t count = 0;
  Group* last = nullptr;
  store_->HeldAll([&](const HeldRow& row) {
    if (count++ == limit) return false;
    Group* group = Get(row.group);
    if (last != nullptr && last != group) last->complete = true;
    last = group;
    AddLoaded(group, FromRow(row));
    return true;
  });
  if (count > limit) return;
  all_loaded_ = true;
  if (last != nullptr) last->complete = true;
}

HeldChunk* HeldQueues::FromRow(const HeldRow& row) {
  auto* chunk = memory_.New<HeldChunk>();
  chunk->stored = true;
  chunk->handle = row.handle;
  chunk->stored_ord = row.ord;
  chunk->relation = row.relation;
  chunk->barrier = row.barrier;
  chunk->ready_at = row.ready_at;
  chunk->wait = row.wait;
  if (row.error.data() != nullptr) {
    char* copy = memory_.NewArray<char>(row.error.size());
    memcpy(copy, row.error.data(), row.error.size());
    chunk->error = {copy, row.error.size()};
  }
  int32_t entries = 0;
  Entry entry;
  EntryReader counter(row.entries.data(), row.entries.size(), row.ord);
  while (counter.Read(&entry)) entries++;
  chunk->entries =
      memory_.NewArray<Entry>(static_cast<size_t>(entries > row_entries_ ? entries : row_entries_));
  EntryReader reader(row.entries.data(), row.entries.size(), row.ord);
  while (chunk->count < entries && reader.Read(&chunk->entries[chunk->count])) chunk->count++;
  if (Planted("parked_forgotten") && chunk->count > 1) chunk->count--;
  if (chunk->count == 0 || counter.Damaged()) store_->Damaged("held", row.ord);
  return chunk;
}

HeldChunk* HeldQueues::NewChunk(const Entry& entry, int64_t ready_at, std::string_view error) {
  auto* chunk = memory_.New<HeldChunk>();
  chunk->changed = true;
  chunk->relation = entry.relation;
  chunk->barrier = entry.Has(kBarrier);
  chunk->ready_at = ready_at;
  chunk->wait = kWaitBehind;
  chunk->error = error;
  chunk->entries = memory_.NewArray<Entry>(static_cast<size_t>(row_entries_));
  chunk->entries[0] = entry;
  chunk->count = 1;
  return chunk;
}

void HeldQueues::AddLoaded(Group* group, HeldChunk* chunk) {
  group->loaded = true;
  group->loaded_to = chunk->stored_ord;
  if (group->tail != nullptr) {
    group->tail->next = chunk;
  } else {
    group->head = chunk;
  }
  group->tail = chunk;
}

void HeldQueues::CloseGap(Group* group) {
  group->complete = true;
  if (group->far_tail == nullptr) return;
  if (group->tail != nullptr) {
    group->tail->next = group->far_tail;
  } else {
    group->head = group->far_tail;
  }
  group->tail = group->far_end;
  group->far_tail = group->far_end = nullptr;
}

// The next row of the table; false when there is none that is not in memory.
bool HeldQueues::LoadNext(Group* group) {
  group->loaded = true;
  if (group->complete) return false;
  HeldChunk* found = nullptr;
  store_->HeldAfter(group->hash, group->loaded_to, [&](const HeldRow& row) {
    bool known = group->far_tail != nullptr && group->far_tail->stored_ord == row.ord;
    if (!known) found = FromRow(row);
    return false;
  });
  if (found == nullptr) {
    CloseGap(group);
    return false;
  }
  AddLoaded(group, found);
  return true;
}

HeldChunk* HeldQueues::FrontChunk(Group* group) {
  if (!group->loaded) LoadNext(group);
  for (;;) {
    for (HeldChunk* chunk = group->head; chunk; chunk = chunk->next) {
      if (chunk->count > 0) return chunk;
    }
    if (group->complete) return nullptr;
    if (!LoadNext(group) && group->head == nullptr) return nullptr;
  }
}

HeldChunk* HeldQueues::Last(Group* group) {
  if (group->far_end != nullptr) return group->far_end;
  if (group->complete) return group->tail;
  HeldChunk* found = nullptr;
  store_->HeldLast(group->hash, [&](const HeldRow& row) {
    if (row.ord > group->loaded_to) found = FromRow(row);
    return false;
  });
  group->far_tail = group->far_end = found;
  if (found == nullptr) {
    group->loaded = true;
    CloseGap(group);
    return group->tail;
  }
  return found;
}

void HeldQueues::PopFront(Group* group) {
  HeldChunk* chunk = FrontChunk(group);
  chunk->first++;
  chunk->count--;
  chunk->changed = true;
}

void HeldQueues::Append(Group* group, const Entry& entry) {
  HeldChunk* last = Last(group);
  bool room = last != nullptr && last->OpenTo(entry) && last->first + last->count < row_entries_;
  if (room && !entry.Has(kBarrier)) {
    last->entries[last->first + last->count++] = entry;
    last->changed = true;
    return;
  }
  HeldChunk* chunk = NewChunk(entry, kAtOnce, {});
  HeldChunk** end = group->far_end ? &group->far_end : &group->tail;
  if (last != nullptr) {
    last->next = chunk;
  } else {
    group->head = chunk;
  }
  *end = chunk;
}

// Keeps the entries of a row in order; the row has room.
void HeldQueues::InsertInto(HeldChunk* chunk, const Entry& entry) {
  if (chunk->first > 0) {
    memmove(static_cast<void*>(chunk->entries), &chunk->front(),
            sizeof(Entry) * static_cast<size_t>(chunk->count));
    chunk->first = 0;
  }
  int32_t at = chunk->count;
  while (at > 0 && chunk->entries[at - 1].ord > entry.ord) {
    chunk->entries[at] = chunk->entries[at - 1];
    at--;
  }
  chunk->entries[at] = entry;
  chunk->count++;
  chunk->changed = true;
}

void HeldQueues::Insert(Group* group, const Entry& entry, int64_t ready_at,
                        std::string_view error) {
  if (!group->loaded) LoadNext(group);
  // Everything up to the first row that begins later must be in memory.
  while (!group->complete && (group->tail == nullptr || group->tail->count == 0 ||
                              group->tail->front().ord < entry.ord)) {
    if (!LoadNext(group)) break;
  }
  HeldChunk* before = nullptr;
  HeldChunk** link = &group->head;
  for (HeldChunk* chunk = group->head; chunk; chunk = chunk->next) {
    if (chunk->count > 0) {
      if (chunk->front().ord > entry.ord) break;
      before = chunk;
    }
    link = &chunk->next;
  }
  HeldChunk* after = *link;
  bool plain = ready_at == kAtOnce && error.data() == nullptr && !entry.Has(kBarrier);
  auto fits = [&](HeldChunk* chunk) {
    return plain && chunk != nullptr && chunk->OpenTo(entry) && chunk->count < row_entries_;
  };
  bool inside = before != nullptr && before->back().ord > entry.ord;
  if (fits(before)) return InsertInto(before, entry);
  if (!inside && fits(after)) return InsertInto(after, entry);
  HeldChunk* chunk = NewChunk(entry, ready_at, error);
  chunk->next = after;
  *link = chunk;
  if (after == nullptr) group->tail = chunk;
  if (inside) MoveLater(group, before, chunk);
}

// Gives `chunk`, which follows `before`, a successor with the entries of `before` that are later.
void HeldQueues::MoveLater(Group* group, HeldChunk* before, HeldChunk* chunk) {
  HeldChunk* later = nullptr;
  while (before->back().ord > chunk->back().ord) {
    if (later == nullptr) {
      later = NewChunk(before->back(), kAtOnce, {});
    } else {
      InsertInto(later, before->back());
    }
    before->count--;
    before->changed = true;
  }
  later->next = chunk->next;
  chunk->next = later;
  if (group->tail == chunk) group->tail = later;
}

void HeldQueues::CutFrom(Group* group, int64_t keep) {
  while (LoadNext(group)) {
  }
  ForEachChunk(group, [&](HeldChunk* chunk) {
    while (chunk->count > 0 && chunk->back().ord >= keep) {
      chunk->count--;
      chunk->changed = true;
    }
  });
}

void HeldQueues::SetWait(Group* group, int64_t wait) {
  HeldChunk* front = FrontChunk(group);
  ForEachChunk(group, [&](HeldChunk* chunk) {
    int64_t value = chunk == front ? wait : kWaitBehind;
    if (chunk->count == 0 || chunk->wait == value) return;
    chunk->wait = value;
    chunk->changed = true;
  });
}

bool HeldQueues::Loaded(uint64_t hash, int64_t ord) {
  Group** group = groups_.Find(hash);
  if (group == nullptr) return false;
  if ((*group)->complete || ((*group)->loaded && ord <= (*group)->loaded_to)) return true;
  return (*group)->far_tail != nullptr && (*group)->far_tail->stored_ord == ord;
}

}  // namespace sequin
