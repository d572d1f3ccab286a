// Crash points: places where a test build kills its own process (make CRASH_POINTS=1).
//
//   sequin.crash_point = 'capture.before_commit:0.05'   -- name and probability of each passage
//
//   sequin.crash_text = 'poison'     -- dies while it encodes a record that contains this text
//
// Known names: capture.before_commit, capture.after_commit, capture.after_confirm, capture.spill,
// feed.before_commit, feed.after_commit, claim.before_answer, settle.before_return,
// delayed.before_commit, delayed.after_commit.
#pragma once

#include "pg/prelude.h"

namespace sequin {

#ifdef SEQUIN_CRASH_POINTS
void CrashPoint(const char* name);
void CrashOnText(std::string_view record);
void DefineCrashPointSetting();
#else
inline void CrashPoint(const char*) {}
inline void CrashOnText(std::string_view) {}
inline void DefineCrashPointSetting() {}
#endif

}  // namespace sequin
