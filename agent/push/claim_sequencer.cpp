// See claim_sequencer.h: each group is a chain through `next_`.
#include "push/claim_sequencer.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"

namespace sequin {

ClaimSequencer::ClaimSequencer(const std::vector<std::optional<int64_t>>& groups)
    : next_(groups.size()) {
  if (Planted("webhook_group_at_once")) return;
  std::vector<std::pair<int64_t, size_t>> members;
  members.reserve(groups.size());
  for (size_t entry = 0; entry < groups.size(); ++entry) {
    if (groups[entry]) members.emplace_back(*groups[entry], entry);
  }
  std::sort(members.begin(), members.end());
  for (size_t i = 1; i < members.size(); ++i) {
    if (members[i].first == members[i - 1].first) next_[members[i - 1].second] = members[i].second;
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
