// What the claim algorithm reads, as rows, and from where: the tables of one consumer, under its
// lock. No server headers: tests put a model in the place of the tables.
//
// All reads show the newest committed state. That is enough, and needs no snapshot: claim and held
// change only under the consumer's lock, which is held; settle rows are inserted by others at any
// time, but a position counts as settled only when its row needs nothing done any more (absorbed),
// and it never stops being so.
#pragma once

#include <cstdint>
#include <string_view>

#include "change/entry_codec.h"
#include "queue/containers.h"

namespace sequin {

enum class Outcome : char {
  kAcked = 'a',
  kNacked = 'n',
  kReleased = 'r',
  kDead = 'd',
  kTaken = 't',    // an earlier entry of its group was given back
  kUnsent = 'u',   // claimed but not answered: not a delivery
  kExpired = 'x',  // at pos -2: every position without an own row
  kFence = 'f',
  kExtended = 'e',
};

inline constexpr int32_t kWholePos = -1;
inline constexpr int32_t kFencePos = -2;
inline constexpr int32_t kFirstExtendPos = -3;  // and downwards

// Microseconds, as the database counts them.
inline constexpr int64_t kAtOnce = INT64_MIN;  // -infinity

// The clock may be put back, and time stands still for a consumer until it has caught up; but not
// for longer than this. What would last much longer from now was made by a clock that was far
// ahead.
inline constexpr int64_t kClockBackMax = int64_t{12} * 3600 * 1000000;
inline constexpr int64_t kLastsMax = 2 * kClockBackMax;  // no claim does

// The time for the consumer whose newest claim was made at `newest`.
inline int64_t TimeAfter(int64_t newest, int64_t now) {
  return newest > now && newest - now <= kClockBackMax ? newest : now;
}
// When a claim ends that lasts until `expires`.
inline int64_t EndOfClaim(int64_t expires, int64_t now) {
  return expires > now && expires - now > kLastsMax ? now : expires;
}

struct ClaimRow {
  int64_t no;
  int64_t nonce;
  int64_t next_ord;
  int64_t low_no;
  int64_t keep;
  int64_t last_rewind;
  int64_t taken_at;
  int64_t expires;
  int32_t epoch;
  int32_t n;
  bool rewind;
  bool has_request;
  uint8_t request[16];  // what the client called it
  std::string_view entries;
  std::string_view open_claims;  // without data: the row has no list
};

struct SettleRow {
  int64_t no;
  int32_t pos;
  Outcome outcome;
  bool absorbed;
  bool in_progress;  // of a transaction that has not ended (dirty reads only)
  int64_t ready_at;
  std::string_view error;
  uint64_t handle;  // of the stored row, for the store
};

inline constexpr int64_t kWaitFree = 0;     // a candidate
inline constexpr int64_t kWaitBehind = -1;  // not the first of all its groups

struct HeldRow {
  uint64_t group;
  int64_t ord;
  uint32_t relation;
  bool barrier;
  int64_t ready_at;
  int64_t wait;
  std::string_view entries;
  std::string_view error;
  uint64_t handle;
};

// Rows are valid during the visit only; a visit returns false to stop.
using VisitClaim = FunctionRef<bool(const ClaimRow&)>;
using VisitSettle = FunctionRef<bool(const SettleRow&)>;
using VisitHeld = FunctionRef<bool(const HeldRow&)>;

// What becomes of an entry whose filter is evaluated when it is claimed.
enum class Verdict : uint8_t {
  kTake,
  kDiscard,  // it does not match: it is done
  kLater,    // not now, but after ready_at; its group waits
  kDead,     // the filter failed on it: a dead letter
  kStop,     // nothing was decided, and nothing more is taken now
};

struct Judgement {
  Verdict verdict;
  int64_t ready_at = kAtOnce;   // kLater
  std::string_view error = {};  // kDead
};

class QueueStore {
 public:
  // Of an entry with kCandidate that could be taken now.
  virtual Judgement Judge(const Entry&) { return {Verdict::kTake}; }
  // Of an entry with one group, when only the newest message of each key is wanted: there is a
  // newer one, in the route behind it.
  virtual bool Superseded(const Entry&) { return false; }

  // The newest row, without its entries. False: there is none.
  virtual bool NewestClaim(VisitClaim visit) = 0;
  virtual void ClaimsFrom(int64_t no, VisitClaim visit) = 0;
  // False: there is no such row.
  virtual bool ClaimNumber(int64_t no, VisitClaim visit) = 0;

  virtual void Settles(int64_t no, int32_t from_pos, int32_t to_pos, VisitSettle visit) = 0;
  // Rows of transactions in progress, too.
  virtual void DirtySettles(int64_t no, VisitSettle visit) = 0;
  // Rows that are not absorbed, in the order of (no, pos).
  virtual void Returned(VisitSettle visit) = 0;
  // The lock of a claim until the transaction ends, when nobody holds it.
  virtual bool TryLockClaim(int64_t no) = 0;
  virtual int64_t NewNonce() = 0;

  // Rows of a group whose ord is greater, ascending; the last row of a group.
  virtual void HeldAfter(uint64_t group, int64_t ord, VisitHeld visit) = 0;
  virtual void HeldLast(uint64_t group, VisitHeld visit) = 0;
  // All rows, by group and ord.
  virtual void HeldAll(VisitHeld visit) = 0;
  virtual void HeldBarriers(VisitHeld visit) = 0;
  // Rows of a relation, by ord, barriers apart.
  virtual void HeldOfRelation(uint32_t relation, bool barriers, VisitHeld visit) = 0;
  // Rows with wait > after, by wait.
  virtual void HeldWaiting(int64_t after, VisitHeld visit) = 0;
  // Rows with wait = 0, as they were when first asked: without delay by ord, or with a delay that
  // is over by ready_at. Continues where the last call ended; false at the end.
  virtual bool NextCandidate(bool delayed, int64_t now, VisitHeld visit) = 0;
  // When the first delayed candidate gets ready; INT64_MAX: never.
  virtual int64_t NextReady(int64_t now) = 0;

  // The route: entries from `ord` on, one after the other. False at its present end.
  virtual void SeekRoute(int64_t ord) = 0;
  virtual bool NextRoute(Entry* entry) = 0;

  // How large the message is in the log.
  virtual int64_t EntryBytes(int64_t seq) = 0;

  // For loops that may be long.
  virtual void CheckInterrupts() = 0;
  // Stored bytes that cannot be right. Does not return in the server.
  virtual void Damaged(const char* where, int64_t at) = 0;
};

}  // namespace sequin
