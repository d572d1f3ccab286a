// The receive requests of one consumer in the order they came, and which of them are being claimed
// for. Pure bookkeeping: knows no clock, no client and no database.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.h"

namespace sequin {

using WaiterId = uint64_t;

struct WaiterWants {
  int batch_size = 1;
  std::optional<Millis> visibility_timeout = {};
};

class WaiterQueue {
 public:
  void Add(WaiterId id, WaiterWants wants);
  // Gone, wherever it is. Its place in a claim under way stays, so that answers keep their order.
  void Remove(WaiterId id);

  // The next ones to claim for in one statement: from the front, all with the visibility timeout of
  // the first, at most `most`, at most `messages_most` messages. They are in the claim until
  // FinishClaim.
  std::vector<WaiterId> StartClaim(size_t most, size_t messages_most);
  // Sizes of the claim under way, in its order; never more than `messages_most` in sum.
  const std::vector<int>& sizes() const { return sizes_; }
  std::optional<Millis> visibility_timeout() const { return visibility_timeout_; }

  // Ends the claim; `still_waiting` go back to the front, in the order they had.
  std::vector<WaiterId> FinishClaim();
  void PutBack(const std::vector<WaiterId>& still_waiting);

  bool Has(WaiterId id) const { return entries_.contains(id); }
  // Has, and is in no claim under way.
  bool Waits(WaiterId id) const;
  size_t size() const { return entries_.size(); }
  size_t unclaimed() const { return waiting_.size(); }
  std::vector<WaiterId> All() const;

 private:
  struct Entry {
    WaiterWants wants;
    std::optional<std::list<WaiterId>::iterator> place;  // in waiting_
  };

  std::list<WaiterId> waiting_;
  std::vector<WaiterId> claiming_;
  std::vector<int> sizes_;
  std::optional<Millis> visibility_timeout_;
  std::unordered_map<WaiterId, Entry> entries_;
};

}  // namespace sequin
