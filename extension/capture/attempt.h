// The attempt file: where the capture worker was when it died.
//
// A change that makes the worker crash would do so again after every restart, and a crash takes
// the whole server down. So the worker leaves its place in a small mapped file beside its slot
// (a store per change, no system call; it outlives any death of the process) and, when it died
// kDeathsMax times at the same change, goes past that change and writes a dead letter instead.
//
// A plain error at a change ends the worker once; its successor is careful: it decodes every
// change in a subtransaction and turns errors into dead letters without dying.
#pragma once

#include "pg/prelude.h"

namespace sequin {

inline constexpr uint32 kDeathsMax = 3;
inline constexpr uint32 kSkipsMax = 64;

class Attempt {
 public:
  void Open(const char* slot_name);  // and judge what the last worker left

  void EnterChange(XLogRecPtr commit_lsn, int64 commit_idx) {
    page_->lsn = commit_lsn;
    page_->idx = commit_idx;
    pg_compiler_barrier();
    page_->in_change = 1;
  }
  void LeaveChange() {
    pg_compiler_barrier();
    page_->in_change = 0;
  }
  // The worker ends by an error in the change it is in.
  void NoteError() {
    if (page_) page_->error = page_->in_change;
  }
  // The worker ends, but not because of the change it is in.
  void NoteOrderlyExit();

  bool MustSkip(XLogRecPtr commit_lsn, int64 commit_idx) const {
    for (uint32 i = 0; i < page_->skip_count; i++) {
      if (page_->skips[i].lsn == commit_lsn && page_->skips[i].idx == commit_idx) return true;
    }
    return false;
  }
  bool careful() const { return careful_; }
  // Every commit before is in the log: its skips are not needed any more.
  void ForgetSkips(XLogRecPtr before) {
    uint32 kept = 0;
    for (uint32 i = 0; i < page_->skip_count; i++) {
      if (page_->skips[i].lsn >= before) page_->skips[kept++] = page_->skips[i];
    }
    page_->skip_count = kept;
  }

 private:
  struct Place {
    uint64 lsn;
    int64 idx;
  };
  struct Page {
    uint32 magic;
    uint32 in_change;
    uint64 lsn;
    int64 idx;
    Place last;     // where the last death was
    uint32 deaths;  // there
    uint32 error;   // the last exit was by an error in a change
    uint32 skip_count;
    Place skips[kSkipsMax];
  };
  void Judge();

  Page* page_;
  bool careful_;
};

}  // namespace sequin
