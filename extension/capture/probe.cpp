// The probe: a short-lived process that looks whether a database without a slot was captured
// (launcher.h). After a promotion, and when a slot was lost while the server was down, only the
// database itself knows.
#include "capture/names.h"
#include "capture/place.h"
#include "capture/settings.h"
#include "capture/shared_state.h"
#include "pg/table.h"
#include "pg/transaction.h"

namespace sequin {
namespace {

CaptureHome LookAround() {
  CaptureHome home{};
  InTransaction([&] {
    bool ours =
        OidIsValid(get_extension_oid("sequin", true)) && OidIsValid(OwnTableOid("progress", true));
    if (ours) home = FindCaptureHome();
  });
  return home;
}

void Register() {
  DatabaseState* state = FindDatabase(MyDatabaseId, true);
  LWLockAcquire(Shared()->lock, LW_EXCLUSIVE);
  state->registered = true;
  LWLockRelease(Shared()->lock);
  WakeLauncher();
}

}  // namespace
}  // namespace sequin

extern "C" PGDLLEXPORT void SequinProbeMain(Datum argument) {
  using namespace sequin;
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(argument), InvalidOid, 0);
  FixWorkerSettings();
  CaptureHome home = LookAround();
  if (!home.known || home.stopped) proc_exit(0);
  if (home.here || home.promoted) {
    Register();
  } else {
    ereport(LOG,
            errmsg("sequin does not capture database %u: it was restored or copied from another "
                   "place",
                   MyDatabaseId),
            errhint("SELECT sequin.recover(); in it, if it takes the place of the original."));
  }
  proc_exit(0);
}
