// The columns of sequin.progress, by number.
#pragma once

namespace sequin {

enum class ProgressColumn {
  kOne = 1,
  kSlot,
  kSystemId,
  kTimeline,
  kFingerprint,
  kIncarnation,
  kLsn,
  kPartLsn,
  kPartIdx,
  kNextSeq,
  kConfirmLimit,
  kStopped,
  kOldestXid,
};
inline constexpr int kProgressColumns = 13;

}  // namespace sequin
