// NOTIFY to agents, sent by the capture worker on behalf of everybody: a notification needs a
// lock of the whole database at commit, which an application's commit must not pay for.
#pragma once

#include "capture/shared_state.h"

namespace sequin {

void SendNotifications(DatabaseState* state);

}  // namespace sequin
