// `sequin doctor`: asks a server for what findings.h wants to know and prints the conclusions.
#pragma once

#include "config/settings.h"

namespace sequin {

// The exit status: 0, 1 when a check failed, 2 when the database could not be asked.
int RunDoctor(const DoctorSettings& settings);

}  // namespace sequin
