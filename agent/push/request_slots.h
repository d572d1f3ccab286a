// Bounds the webhook requests under way in the whole agent and shares them out in turn.
#pragma once

#include <cstddef>
#include <deque>

namespace sequin {

class SlotUser {
 public:
  virtual ~SlotUser() = default;
  virtual void OnSlotFree() = 0;
};

class RequestSlots {
 public:
  explicit RequestSlots(size_t most) : most_(most) {}

  // False: remembered, and called back when a slot is free.
  bool Take(SlotUser* user) {
    if (used_ < most_) {
      ++used_;
      return true;
    }
    for (const SlotUser* waiting : waiting_) {
      if (waiting == user) return false;
    }
    waiting_.push_back(user);
    return false;
  }
  void Give() {
    --used_;
    // Whoever still wants more goes to the end of the queue again.
    for (size_t turns = waiting_.size(); turns > 0 && used_ < most_ && !waiting_.empty(); --turns) {
      SlotUser* const next = waiting_.front();
      waiting_.pop_front();
      next->OnSlotFree();
    }
  }
  void Forget(SlotUser* user) { std::erase(waiting_, user); }
  size_t used() const { return used_; }

 private:
  size_t most_;
  size_t used_ = 0;
  std::deque<SlotUser*> waiting_;
};

}  // namespace sequin
