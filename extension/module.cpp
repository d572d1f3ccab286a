// Ways into the extension. The whole list:
//   _PG_init                  here
//   _PG_output_plugin_init    decode/plugin.cpp, called by logical decoding inside the worker
//   SequinLauncherMain        capture/launcher.cpp
//   SequinProbeMain           capture/probe.cpp
//   SequinWorkerMain          capture/worker.cpp
//   SequinFeederMain          backfill/feeder.cpp
//   SQL functions sequin_*    capture/control.cpp, queue/, stream/, filter/, catalog/ (api/*.sql
//   lists
//                             them)
#include "pg/prelude.h"

#include "capture/hooks.h"
#include "capture/launcher.h"
#include "capture/place.h"
#include "capture/settings.h"
#include "capture/shared_state.h"
#include "filter/sandbox.h"
#include "pg/crash_point.h"
#include "pg/planted_bug.h"
#include "pg/version.h"
#include "queue/queue.h"

extern "C" {

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void) {
  using namespace sequin;
  DefineSettings();
  DefineVersionSetting();
  DefineCrashPointSetting();
  DefinePlantedBugSetting();
  InitQueue();
  InitSandbox();
  ReserveSettings();
  if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade) return;
  NoteHowStarted();
  InitSharedState();
  InstallHooks();
  RegisterLauncher();
}

}  // extern "C"
