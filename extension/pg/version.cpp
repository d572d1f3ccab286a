// The version check (version.h).
#include "pg/version.h"

#include "pg/prelude.h"

namespace sequin {
namespace {

constexpr char kVersion[] = SEQUIN_VERSION;

char* setting;
bool same_version = false;
bool watching = false;

// Every script of an update replaces functions; DROP EXTENSION takes the schema.
void Watch() {
  auto forget = [](Datum, int, uint32) { same_version = false; };
  CacheRegisterSyscacheCallback(PROCOID, forget, Datum{0});
  CacheRegisterSyscacheCallback(NAMESPACEOID, forget, Datum{0});
  watching = true;
}

// nullptr: there is no extension.
const char* InstalledVersion() {
  Relation table = table_open(ExtensionRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
              CStringGetDatum("sequin"));
  SysScanDesc scan = systable_beginscan(table, ExtensionNameIndexId, true, nullptr, 1, &key);
  const char* version = nullptr;
  if (HeapTuple row = systable_getnext(scan); HeapTupleIsValid(row)) {
    bool is_null;
    version = TextDatumGetCString(
        heap_getattr(row, Anum_pg_extension_extversion, RelationGetDescr(table), &is_null));
  }
  systable_endscan(scan);
  table_close(table, AccessShareLock);
  return version;
}

}  // namespace

void RequireVersion() {
  // What the WAL says of the past does not matter: whoever decodes has looked before.
  if (same_version || HistoricSnapshotActive()) return;
  if (!watching) Watch();
  same_version = true;  // before reading: what changes meanwhile must be seen
  const char* installed = InstalledVersion();
  if (installed != nullptr && strcmp(installed, kVersion) == 0) return;
  same_version = false;
  if (installed == nullptr) return;
  ereport(
      ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
      errmsg("extension \"sequin\" has version %s in this database, its library version %s",
             installed, kVersion),
      errhint("Run ALTER EXTENSION sequin UPDATE; in this database. If its version is the later "
              "one, install the library of that version and restart the server."));
}

void DefineVersionSetting() {
  DefineCustomStringVariable("sequin.library_version",
                             "Version of the library that the server has loaded.", nullptr,
                             &setting, kVersion, PGC_INTERNAL, 0, nullptr, nullptr, nullptr);
}

}  // namespace sequin
