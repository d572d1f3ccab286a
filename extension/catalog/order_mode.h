// In which order a consumer gets its messages, as a rule on the groups of entries: what is in one
// group is delivered one after the other. No server headers: the claim algorithm runs without.
#pragma once

#include <cstdint>

#include "change/entry_codec.h"
#include "pg/planted.h"

namespace sequin {

enum class OrderMode : uint8_t {
  kGroup,   // groups as captured
  kNone,    // every entry is a group of its own: nothing waits for another
  kStrict,  // all entries are one group
};

// Any number: it is only compared with others of the consumer.
inline constexpr uint64_t kStrictGroup = 0x53545249435421u;

// A new entry as its consumer orders it.
inline Entry InOrder(Entry entry, OrderMode mode) {
  if (mode == OrderMode::kGroup) return entry;
  if (Planted(mode == OrderMode::kStrict ? "strict_ignored" : "none_grouped")) return entry;
  entry.flags &= static_cast<uint8_t>(~(kSecondGroup | kBarrier));
  entry.second_group = 0;
  // An odd factor: no two ordinals have the same product.
  entry.group = mode == OrderMode::kStrict ? kStrictGroup
                                           : static_cast<uint64_t>(entry.ord) * 0x9e3779b97f4a7c15u;
  return entry;
}

}  // namespace sequin
