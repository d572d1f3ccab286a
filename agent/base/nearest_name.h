// Finds the valid name somebody probably meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sequin {

// The candidate with the fewest edits, or an empty string when none is close enough to help.
std::string NearestName(std::string_view wrong, const std::vector<std::string>& candidates);

}  // namespace sequin
