// See http_date.h.
#include "base/http_date.h"

#include <fmt/format.h>

#include <ctime>

namespace sequin {

namespace {

constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

}  // namespace

std::string ImfFixdate(long long unix_seconds) {
  const auto seconds = static_cast<time_t>(unix_seconds);
  tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     kDays[static_cast<size_t>(parts.tm_wday)], parts.tm_mday,
                     kMonths[static_cast<size_t>(parts.tm_mon)], parts.tm_year + 1900,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::optional<long long> ParseImfFixdate(std::string_view text) {
  // Written out anew and compared: that proves the weekday, the digits and the spacing at once.
  if (text.size() != 29) return std::nullopt;
  const auto number = [&](size_t at, size_t count) {
    int value = 0;
    for (const char c : text.substr(at, count)) value = value * 10 + (c - '0');
    return value;
  };
  tm parts{};
  for (int month = 0; month < 12; ++month) {
    if (text.substr(8, 3) == kMonths[month]) parts.tm_mon = month;
  }
  parts.tm_mday = number(5, 2);
  parts.tm_year = number(12, 4) - 1900;
  parts.tm_hour = number(17, 2);
  parts.tm_min = number(20, 2);
  parts.tm_sec = number(23, 2);
  const long long seconds = timegm(&parts);
  if (ImfFixdate(seconds) != text) return std::nullopt;
  return seconds;
}

}  // namespace sequin
