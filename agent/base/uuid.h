// Recognises uuids in requests before they reach the database.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sequin {

// The canonical lower case text of a uuid written 8-4-4-4-12, or nothing.
std::optional<std::string> ParseUuid(std::string_view text);

}  // namespace sequin
