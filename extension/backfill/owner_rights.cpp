// Running SQL of a consumer's owner in the feeder (feed.h).
#include "backfill/feed.h"
#include "pg/transaction.h"

namespace sequin {

static constexpr int kOwnerTimeMs = 60000;

static void Restrict() {
  for (auto [name, value] :
       {std::pair{"search_path", "pg_catalog, pg_temp"}, std::pair{"statement_timeout", "60s"}}) {
    set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
  }
  XactReadOnly = true;  // the end of the subtransaction takes it back
}

void RunAsOwner(Oid owner, void (*body)(void*), void* argument) {
  ErrorData* error = InRolledBackSubtransaction([&] {
    Oid user;
    int security;
    GetUserIdAndSecContext(&user, &security);
    SetUserIdAndSecContext(owner,
                           security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
    Restrict();
    enable_timeout_after(STATEMENT_TIMEOUT, kOwnerTimeMs);
    body(argument);
    disable_timeout(STATEMENT_TIMEOUT, false);
    SetUserIdAndSecContext(user, security);
  });
  disable_timeout(STATEMENT_TIMEOUT, false);
  if (error != nullptr) ReThrowError(error);
}

}  // namespace sequin
