// See claim_sequencer.h: each group is a chain through `next_`.
#include "push/claim_sequencer.h"

#include <utility>

namespace sequin {

ClaimSequencer::ClaimSequencer(const std::vector<std::optional<int64_t>>& groups)
    : next_(groups.size()) {
  std::unordered_map<int64_t, size_t> last;
  for (size_t entry = 0; entry < groups.size(); ++entry) {
    if (!groups[entry]) continue;
    const auto [found, is_new] = last.try_emplace(*groups[entry], entry);
    if (is_new) continue;
    next_[found->second] = entry;
    found->second = entry;
  }
}

std::vector<size_t> ClaimSequencer::Heads() const {
  std::vector<bool> follows(next_.size(), false);
  for (const auto& next : next_) {
    if (next) follows[*next] = true;
  }
  std::vector<size_t> heads;
  for (size_t entry = 0; entry < follows.size(); ++entry) {
    if (!follows[entry]) heads.push_back(entry);
  }
  return heads;
}

std::optional<size_t> ClaimSequencer::Delivered(size_t entry) {
  return std::exchange(next_[entry], std::nullopt);
}

std::vector<size_t> ClaimSequencer::Failed(size_t entry) {
  std::vector<size_t> dropped;
  while (const auto next = std::exchange(next_[entry], std::nullopt)) {
    dropped.push_back(*next);
    entry = *next;
  }
  return dropped;
}

}  // namespace sequin
