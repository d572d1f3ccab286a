// Crash points of a test build (crash_point.h).
#include "pg/crash_point.h"

#ifdef SEQUIN_CRASH_POINTS

extern "C" {
#include <common/pg_prng.h>
}

namespace sequin {

static char* crash_point = nullptr;
static char* crash_text = nullptr;

void DefineCrashPointSetting() {
  DefineCustomStringVariable("sequin.crash_point",
                             "Where this test build kills its own process: name:probability.",
                             nullptr, &crash_point, "", PGC_SUSET, 0, nullptr, nullptr, nullptr);
  DefineCustomStringVariable(
      "sequin.crash_text", "The capture worker of this test build dies at records with this text.",
      nullptr, &crash_text, "", PGC_SUSET, 0, nullptr, nullptr, nullptr);
}

void CrashPoint(const char* name) {
  size_t size = strlen(name);
  if (crash_point == nullptr || strncmp(crash_point, name, size) != 0) return;
  if (crash_point[size] != ':') return;
  if (pg_prng_double(&pg_global_prng_state) < atof(crash_point + size + 1)) {
    kill(getpid(), SIGKILL);
  }
}

void CrashOnText(std::string_view record) {
  if (crash_text == nullptr || crash_text[0] == '\0') return;
  if (record.find(crash_text) != std::string_view::npos) kill(getpid(), SIGKILL);
}

}  // namespace sequin

#endif
