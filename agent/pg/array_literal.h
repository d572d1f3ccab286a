// Text form of array parameters.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace sequin {

// Elements are quoted whatever they hold; nullopt becomes NULL.
std::string ArrayLiteral(const std::vector<std::optional<std::string>>& elements);

}  // namespace sequin
