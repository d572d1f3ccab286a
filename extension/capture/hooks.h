// Hooks that every backend runs.
#pragma once

namespace sequin {

void InstallHooks();  // from _PG_init, while preloading

}  // namespace sequin
