// Locks of the queue (queue_locks.h).
#include "queue/queue_locks.h"

namespace sequin {

static constexpr uint16 kConsumerLock = 24240;
static constexpr uint16 kClaimLock = 24241;

static LOCKTAG ConsumerTag(int32 consumer) {
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<uint32>(consumer), 0, kConsumerLock);
  return tag;
}

// Two claims whose numbers differ by 2^32 share a lock, which only makes them wait.
static LOCKTAG ClaimTag(int32 consumer, int64 no) {
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<uint32>(consumer), static_cast<uint32>(no),
                       kClaimLock);
  return tag;
}

static bool Acquire(const LOCKTAG& tag, bool wait) {
  return LockAcquire(&tag, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

bool LockConsumer(int32 consumer, bool wait) {
  return Acquire(ConsumerTag(consumer), wait);
}

void UnlockConsumer(int32 consumer) {
  LOCKTAG tag = ConsumerTag(consumer);
  LockRelease(&tag, ExclusiveLock, false);
}

void LockClaim(int32 consumer, int64 no) {
  Acquire(ClaimTag(consumer, no), true);
}

bool TryLockClaim(int32 consumer, int64 no) {
  return Acquire(ClaimTag(consumer, no), false);
}

void UnlockClaim(int32 consumer, int64 no) {
  LOCKTAG tag = ClaimTag(consumer, no);
  LockRelease(&tag, ExclusiveLock, false);
}

}  // namespace sequin
