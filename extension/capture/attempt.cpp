// The attempt file (attempt.h).
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/attempt.h"

namespace sequin {

static constexpr uint32 kMagic = 0x53514132;

void Attempt::Open(const char* slot_name) {
  char path[MAXPGPATH];
  // Goes with the slot's folder when the slot is dropped.
  pg_snprintf(path, sizeof(path), "pg_replslot/%s/sequin.attempt", slot_name);
  int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ftruncate(file, sizeof(Page)) != 0) {
    ereport(ERROR, errcode_for_file_access(), errmsg("could not open file \"%s\": %m", path));
  }
  void* mapped = mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped == MAP_FAILED) {
    ereport(ERROR, errcode_for_file_access(), errmsg("could not map file \"%s\": %m", path));
  }
  page_ = static_cast<Page*>(mapped);
  if (page_->magic != kMagic) {
    memset(static_cast<void*>(page_), 0, sizeof(Page));
    page_->magic = kMagic;
  }
  Judge();
}

void Attempt::Judge() {
  careful_ = page_->error != 0;
  if (page_->in_change != 0 && page_->error == 0) {
    bool same = page_->last.lsn == page_->lsn && page_->last.idx == page_->idx;
    page_->last = {page_->lsn, page_->idx};
    page_->deaths = same ? page_->deaths + 1 : 1;
    if (page_->deaths >= kDeathsMax && page_->skip_count < kSkipsMax) {
      page_->skips[page_->skip_count++] = page_->last;
      ereport(LOG, errmsg("sequin goes past change %lld of the transaction committed at %X/%X, "
                          "at which the capture worker died %u times",
                          static_cast<long long>(page_->idx), LSN_FORMAT_ARGS(page_->lsn),
                          page_->deaths));
    }
  }
  page_->error = 0;
  page_->in_change = 0;
}

void Attempt::NoteOrderlyExit() {
  if (page_ != nullptr && page_->error == 0) page_->in_change = 0;
}

}  // namespace sequin
