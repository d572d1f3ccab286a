// The date format of HTTP headers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sequin {

// RFC 9110 section 5.6.7, for example "Sun, 06 Nov 1994 08:49:37 GMT".
std::string ImfFixdate(long long unix_seconds);
std::optional<long long> ParseImfFixdate(std::string_view text);

}  // namespace sequin
