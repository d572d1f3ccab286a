// The target of a request: path segments and query parameters.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sequin {

struct Target {
  std::vector<std::string> path;
  std::vector<std::pair<std::string, std::string>> query;
};

// Origin form only ("/a/b?c=d"). Nothing for a broken percent escape, a NUL or a fragment.
std::optional<Target> ParseTarget(std::string_view text);

}  // namespace sequin
