// The order of sending within one claim. Invariant: of each group at most one entry is out, and it
// is the earliest that is left; after a failure nothing of its group goes out any more.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace sequin {

class ClaimSequencer {
 public:
  // One element per entry, in the claim's order; entries without a group are independent.
  explicit ClaimSequencer(const std::vector<std::optional<int64_t>>& groups);

  // The first of each group, in the claim's order.
  std::vector<size_t> Heads() const;

  // The entry was accepted: says which one may go out now.
  std::optional<size_t> Delivered(size_t entry);

  // The entry was not accepted: says which later ones of its group will not be sent. The database
  // takes those back by itself.
  std::vector<size_t> Failed(size_t entry);

 private:
  std::vector<std::optional<size_t>> next_;  // the next entry of the same group
};

}  // namespace sequin
