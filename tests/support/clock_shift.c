// Loaded into a server (LD_PRELOAD): its clock is that of the machine plus what a file says, in
// microseconds. The monotonic clock, by which it measures how long it waits, is left alone.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef int (*ClockGettime)(clockid_t, struct timespec *);

static const volatile int64_t *shift;
static ClockGettime real_clock_gettime;

__attribute__((constructor)) static void Begin(void) {
  const char *path = getenv("CLOCK_SHIFT_FILE");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *place = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
  if (place != MAP_FAILED) shift = place;
  close(file);
}

int clock_gettime(clockid_t clock, struct timespec *at) {
  // Others' constructors may ask before ours has run.
  if (!real_clock_gettime) real_clock_gettime = (ClockGettime)dlsym(RTLD_NEXT, "clock_gettime");
  int result = real_clock_gettime(clock, at);
  if (result == 0 && clock == CLOCK_REALTIME && shift) {
    int64_t micros = (int64_t)at->tv_sec * 1000000 + at->tv_nsec / 1000 + *shift;
    at->tv_nsec = micros % 1000000 * 1000 + at->tv_nsec % 1000;
    at->tv_sec = micros / 1000000;
  }
  return result;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
  (void)zone;
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *out) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
