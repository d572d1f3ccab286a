// Names that tie a database to its slot and its processes.
#pragma once

#include "pg/prelude.h"

namespace sequin {

inline constexpr char kPluginName[] = "sequin";
inline constexpr char kLibraryName[] = "sequin";
inline constexpr char kNotifyChannel[] = "sequin";

struct SlotName {
  char text[NAMEDATALEN];
};

inline SlotName SlotNameOf(Oid database) {
  SlotName name;
  pg_snprintf(name.text, sizeof(name.text), "sequin_%u", database);
  return name;
}

}  // namespace sequin
