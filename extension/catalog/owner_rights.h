// Statements that run with the rights of the owner of the extension: its tables are nobody else's.
// What the caller may do was checked before.
#pragma once

#include "pg/table.h"

namespace sequin {

// An ERROR leaves user and settings to the (sub)transaction that it aborts.
template <typename Body>
void AsOwner(Body&& body) {
  Relation table = OpenOwnTable("consumer", AccessShareLock);
  Oid owner = table->rd_rel->relowner;
  CloseOwnTable(table, AccessShareLock);
  Oid caller;
  int security;
  GetUserIdAndSecContext(&caller, &security);
  SetUserIdAndSecContext(owner, security | SECURITY_LOCAL_USERID_CHANGE);
  int nest_level = NewGUCNestLevel();
  set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
                    GUC_ACTION_SAVE, true, 0, false);
  body();
  AtEOXact_GUC(true, nest_level);
  SetUserIdAndSecContext(caller, security);
}

}  // namespace sequin
