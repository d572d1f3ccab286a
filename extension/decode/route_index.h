// What can be said of the routes of a table before a change is looked at: who takes every change of
// an action, and which filters remain to be evaluated for it.
#pragma once

#include "decode/filter_index.h"
#include "decode/relation_plan.h"

namespace sequin {

// Routes by number, ascending.
class RouteSet {
 public:
  RouteSet() = default;
  RouteSet(MemoryContext context, int routes)
      : words_((static_cast<size_t>(routes) + 63) / 64), bits_(NewArray<uint64>(context, words_)) {
    memset(bits_, 0, words_ * sizeof(uint64));
  }
  void Add(int route) { bits_[route / 64] |= uint64{1} << (route % 64); }
  void CopyFrom(const RouteSet& other) { memcpy(bits_, other.bits_, words_ * sizeof(uint64)); }
  bool Has(int route) const { return (bits_[route / 64] >> (route % 64)) & 1; }
  template <typename Visit>
  void Each(Visit&& visit) const {
    for (size_t word = 0; word < words_; word++) {
      for (uint64 left = bits_[word]; left != 0; left &= left - 1) {
        visit(static_cast<int>(word) * 64 + pg_rightmost_one_pos64(left));
      }
    }
  }

 private:
  size_t words_ = 0;
  uint64* bits_ = nullptr;
};

// Of one action.
struct ActionRoutes {
  bool any;             // somebody listens
  RouteSet taken;       // whatever the row has
  RouteSet candidates;  // claims evaluate their filter
  Vec<int> filtered;    // decoding does
  FilterIndex* index;   // of those whose filter a test of a column decides, or rules out
  Vec<int> each;        // the others
};

struct RouteIndex {
  uint64 filter_generation;
  MemoryContext context;
  ActionRoutes insert, update, remove, read;
  // Used again for every change.
  RouteSet matched;
  Vec<int> to_evaluate;
};

// Made when it is first asked for, and again when a filter was turned off.
RouteIndex* RouteIndexOf(RelationPlan* plan);
const ActionRoutes& RoutesOf(const RouteIndex* index, ActionMask action);

}  // namespace sequin
