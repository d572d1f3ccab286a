// A parsed request and a response, free of any parser's or socket's types.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sequin {

struct HttpRequest {
  std::string method;
  std::vector<std::string> path;  // decoded segments
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  bool keep_alive = true;

  const std::string* Header(std::string_view lower_case_name) const;
  const std::string* Query(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
};

std::string_view ReasonOf(int status);

// {"summary":"..."}: how every error of the API is told.
HttpResponse ErrorResponse(int status, std::string_view summary);

// Status line and headers. `date` is an IMF-fixdate.
std::string ResponseHead(const HttpResponse& response, bool keep_alive, std::string_view date);

}  // namespace sequin
