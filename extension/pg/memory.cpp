// Memory of the process (memory.h).
#include "pg/memory.h"

#include <malloc.h>

namespace sequin {

// Blocks of memory contexts come from malloc. By default glibc maps large ones one by one and trims
// the heap whenever its end is free: a batch of answers costs thousands of page faults, every time.
void KeepFreedMemory(int bytes) {
#ifdef M_TRIM_THRESHOLD
  static bool done = false;
  if (done) return;
  done = true;
  mallopt(M_TRIM_THRESHOLD, bytes);
  mallopt(M_MMAP_THRESHOLD, bytes);
#endif
}

}  // namespace sequin
