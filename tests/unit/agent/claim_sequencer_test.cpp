// The order of sending inside one claim.
#include <gtest/gtest.h>

#include "push/claim_sequencer.h"

namespace sequin {
namespace {

using Entries = std::vector<size_t>;

TEST(ClaimSequencer, StartsWithTheFirstOfEachGroup) {
  const ClaimSequencer sequence({1, 1, 2, 1, 3, 2});
  EXPECT_EQ(sequence.Heads(), (Entries{0, 2, 4}));
}

TEST(ClaimSequencer, SendsTheNextOfAGroupAfterTheOneBefore) {
  ClaimSequencer sequence({1, 2, 1, 1});
  EXPECT_EQ(sequence.Delivered(0), 2U);
  EXPECT_EQ(sequence.Delivered(2), 3U);
  EXPECT_EQ(sequence.Delivered(3), std::nullopt);
  EXPECT_EQ(sequence.Delivered(1), std::nullopt);
}

TEST(ClaimSequencer, SendsNothingOfAGroupAfterAFailure) {
  ClaimSequencer sequence({1, 1, 2, 1, 2});
  EXPECT_EQ(sequence.Delivered(0), 1U);
  EXPECT_EQ(sequence.Failed(1), (Entries{3}));
  EXPECT_EQ(sequence.Delivered(2), 4U);
}

TEST(ClaimSequencer, LeavesOtherGroupsAloneWhenOneFails) {
  ClaimSequencer sequence({1, 2, 1, 2});
  EXPECT_EQ(sequence.Failed(0), (Entries{2}));
  EXPECT_EQ(sequence.Delivered(1), 3U);
}

TEST(ClaimSequencer, TreatsEntriesWithoutAGroupAsIndependent) {
  ClaimSequencer sequence({std::nullopt, std::nullopt, std::nullopt});
  EXPECT_EQ(sequence.Heads(), (Entries{0, 1, 2}));
  EXPECT_TRUE(sequence.Failed(0).empty());
}

TEST(ClaimSequencer, NamesEachEntryExactlyOnceWhateverHappens) {
  // Every combination of outcomes over a claim of eight entries in three groups.
  const std::vector<std::optional<int64_t>> groups = {1, 2, 1, 3, 2, 1, 3, 3};
  for (unsigned outcomes = 0; outcomes < 256; ++outcomes) {
    ClaimSequencer sequence(groups);
    Entries out = sequence.Heads();
    std::vector<int> named(groups.size(), 0);
    while (!out.empty()) {
      const size_t entry = out.back();
      out.pop_back();
      ++named[entry];
      if ((outcomes >> entry) & 1) {
        if (const auto next = sequence.Delivered(entry)) out.push_back(*next);
      } else {
        for (const size_t dropped : sequence.Failed(entry)) ++named[dropped];
      }
    }
    EXPECT_EQ(named, std::vector<int>(groups.size(), 1)) << outcomes;
  }
}

}  // namespace
}  // namespace sequin
