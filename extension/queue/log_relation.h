// What log rows say about tables and streams: rows of sequin.relation, which are never changed, so
// that what a backend read once stays true.
#pragma once

#include "pg/prelude.h"

namespace sequin {

// Rows of sequin.relation from here on are not capture's: dead letters of another cluster that were
// put back brought their names along.
inline constexpr int32 kForeignNamesFrom = 1 << 30;

struct LogRelation {
  Oid reloid;  // of the table, as it was
  const char* schema;
  const char* table;
  std::string_view json;  // "table_schema":"…","table_name":"…"
};

// 0 is that of messages, which are of no table. Numbers below are streams. ERROR XX001 when there
// is none.
LogRelation FindLogRelation(int32 id);

}  // namespace sequin
