// The version of the library, and whether the catalogs of this database are of the same one.
//
// The library comes with a restart of the server, the catalogs with ALTER EXTENSION UPDATE in each
// database: in between, one must not work on the other.
#pragma once

namespace sequin {

// ERROR 55000 when the extension is installed here in another version than the library's. Costs a
// look at a flag; the catalog is read once, and again when functions or schemas changed. Whoever
// asks for one of our tables (table.h) has asked this.
void RequireVersion();

// sequin.library_version, for the scripts of the extension.
void DefineVersionSetting();

}  // namespace sequin
