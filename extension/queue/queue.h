// The queue between log and consumers: claims, settles, parked entries (README.md of extension/).
#pragma once

namespace sequin {

void InitQueue();  // from _PG_init

}  // namespace sequin
