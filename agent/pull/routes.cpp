// See routes.h.
#include "pull/routes.h"

#include <optional>
#include <span>

namespace sequin {

namespace {

struct VerbName {
  std::string_view text;
  PullVerb verb;
  bool own_only;
};

constexpr VerbName kVerbs[] = {{"receive", PullVerb::kReceive, false},
                               {"ack", PullVerb::kAck, false},
                               {"nack", PullVerb::kNack, false},
                               {"release", PullVerb::kRelease, true},
                               {"extend", PullVerb::kExtend, true}};

std::optional<PullStyle> StyleOf(std::string_view collection) {
  if (collection == "http_pull_consumers" || collection == "sequin_streams") {
    return PullStyle::kCompatible;
  }
  if (collection == "consumers") return PullStyle::kOwn;
  return std::nullopt;
}

Route Allowing(Route route, std::string_view method, bool get, bool post) {
  if ((get && method == "GET") || (post && method == "POST")) return route;
  route.kind = RouteKind::kMethodNotAllowed;
  route.allow = get && post ? "GET, POST" : (get ? "GET" : "POST");
  return route;
}

}  // namespace

Route FindRoute(std::string_view method, const std::vector<std::string>& path) {
  std::span<const std::string> rest(path);
  if (rest.size() == 1 && rest[0] == "health") {
    return Allowing({RouteKind::kHealth}, method, true, false);
  }
  if (rest.size() == 1 && rest[0] == "metrics") {
    return Allowing({RouteKind::kMetrics}, method, true, false);
  }
  if (rest.empty() || rest[0] != "api") return {};
  rest = rest.subspan(1);
  if (!rest.empty() && rest[0] == "api") rest = rest.subspan(1);
  if (rest.size() != 3) return {};
  const auto style = StyleOf(rest[0]);
  if (!style) return {};
  for (const VerbName& name : kVerbs) {
    if (name.text != rest[2] || (name.own_only && *style != PullStyle::kOwn)) continue;
    return Allowing({RouteKind::kPull, name.verb, *style, rest[1]}, method,
                    name.verb == PullVerb::kReceive, true);
  }
  return {};
}

std::string_view RouteName(const Route& route) {
  switch (route.kind) {
    case RouteKind::kHealth:
      return "health";
    case RouteKind::kMetrics:
      return "metrics";
    case RouteKind::kNotFound:
      return "not_found";
    case RouteKind::kMethodNotAllowed:
      return "method_not_allowed";
    case RouteKind::kPull:
      break;
  }
  for (const VerbName& name : kVerbs) {
    if (name.verb == route.verb) return name.text;
  }
  return "";
}

}  // namespace sequin
