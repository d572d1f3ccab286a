// See waiter_queue.h.
#include "pull/waiter_queue.h"

#include <algorithm>
#include <utility>

namespace sequin {

void WaiterQueue::Add(WaiterId id, WaiterWants wants) {
  entries_.emplace(id, Entry{wants, waiting_.insert(waiting_.end(), id)});
}

void WaiterQueue::Remove(WaiterId id) {
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return;
  if (entry->second.place) waiting_.erase(*entry->second.place);
  entries_.erase(entry);
}

std::vector<WaiterId> WaiterQueue::StartClaim(size_t most, size_t messages_most) {
  claiming_.clear();
  sizes_.clear();
  if (waiting_.empty()) return {};
  visibility_timeout_ = entries_.at(waiting_.front()).wants.visibility_timeout;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (claiming_.size() >= most || messages_most == 0) break;
    Entry& entry = entries_.at(*it);
    if (entry.wants.visibility_timeout != visibility_timeout_) {
      ++it;
      continue;
    }
    const auto size = std::min(static_cast<size_t>(entry.wants.batch_size), messages_most);
    messages_most -= size;
    claiming_.push_back(*it);
    sizes_.push_back(static_cast<int>(size));
    entry.place.reset();
    it = waiting_.erase(it);
  }
  return claiming_;
}

std::vector<WaiterId> WaiterQueue::FinishClaim() {
  return std::exchange(claiming_, {});
}

void WaiterQueue::PutBack(const std::vector<WaiterId>& still_waiting) {
  for (auto it = still_waiting.rbegin(); it != still_waiting.rend(); ++it) {
    const auto entry = entries_.find(*it);
    if (entry != entries_.end()) entry->second.place = waiting_.insert(waiting_.begin(), *it);
  }
}

bool WaiterQueue::Waits(WaiterId id) const {
  const auto entry = entries_.find(id);
  return entry != entries_.end() && entry->second.place.has_value();
}

std::vector<WaiterId> WaiterQueue::All() const {
  std::vector<WaiterId> all;
  for (const auto& [id, entry] : entries_) all.push_back(id);
  return all;
}

}  // namespace sequin
