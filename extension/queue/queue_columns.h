// Columns of the queue's tables, counted from 0, in the order of api/queue_tables.sql.
#pragma once

namespace sequin {

namespace claim_column {
enum {
  kConsumer,
  kEpoch,
  kNo,
  kNonce,
  kNextOrd,
  kLowNo,
  kKeep,
  kLastRewind,
  kTakenAt,
  kExpires,
  kN,
  kKind,
  kEntries,
  kOpenClaims,
  kRequest,
  kCount
};
}
namespace held_column {
enum {
  kConsumer,
  kRelation,
  kGroup,
  kOrd,
  kReadyAt,
  kWait,
  kN,
  kBarrierRow,
  kEntries,
  kError,
  kCount
};
}
namespace settle_column {
enum { kConsumer, kPos, kNo, kReadyAt, kOutcome, kAbsorbed, kError, kCount };
}

}  // namespace sequin
