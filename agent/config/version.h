// The version of the program.
#pragma once

namespace sequin {

inline constexpr char kVersion[] = "0.2.0";

}  // namespace sequin
