// The URLs of the agent, as data: what a method and a path ask for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sequin {

enum class RouteKind { kHealth, kMetrics, kPull, kNotFound, kMethodNotAllowed };

enum class PullVerb { kReceive, kAck, kNack, kRelease, kExtend };

// kCompatible: what existing clients know; success is {"success":true}.
// kOwn: /api/consumers/...; settles are answered one by one.
enum class PullStyle { kCompatible, kOwn };

struct Route {
  RouteKind kind = RouteKind::kNotFound;
  PullVerb verb = PullVerb::kReceive;
  PullStyle style = PullStyle::kCompatible;
  std::string consumer = {};  // id or name
  std::string allow = {};     // of kMethodNotAllowed
};

// Table:
//   GET       /health, /metrics
//   POST|GET  /api/{http_pull_consumers|sequin_streams|consumers}/:id_or_name/receive
//   POST      /api/{http_pull_consumers|sequin_streams|consumers}/:id_or_name/{ack|nack}
//   POST      /api/consumers/:id_or_name/{release|extend}
// A second "/api" in front is ignored: one SDK's base URL already ends in it.
Route FindRoute(std::string_view method, const std::vector<std::string>& path);

// For metrics: a small fixed set of names.
std::string_view RouteName(const Route& route);

}  // namespace sequin
