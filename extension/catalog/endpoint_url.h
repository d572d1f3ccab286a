// Whether a text can be the URL of a webhook. No server headers.
//
//   url  := ("http" | "https") "://" host [":" port] ["/" …] ["?" …]      (RFC 3986, the part we
//   take) host := label ("." label)* ["."] | "[" IPv6 "]"
//
// Refused although URLs may have it: user:password@ (a secret that every monitoring view would
// show), a fragment (it is never sent), bytes outside printable ASCII (hosts go in punycode, paths
// percent-encoded). Whether the address may be reached is the agent's question, at every delivery.
#pragma once

#include <cstddef>
#include <string_view>

namespace sequin {

inline constexpr size_t kUrlBytesMax = 2048;

namespace url {

inline bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

inline bool StartsWithNoCase(std::string_view text, std::string_view lower) {
  if (text.size() < lower.size()) return false;
  for (size_t i = 0; i < lower.size(); i++) {
    char c = text[i];
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c != lower[i]) return false;
  }
  return true;
}

inline bool IsPort(std::string_view text) {
  if (text.empty() || text.size() > 5) return false;
  int value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  return value >= 1 && value <= 65535;
}

inline bool IsBracketedAddress(std::string_view text) {
  if (text.size() < 4 || text.front() != '[' || text.back() != ']') return false;
  bool colon = false;
  for (char c : text.substr(1, text.size() - 2)) {
    bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (!hex && c != ':' && c != '.') return false;
    colon |= c == ':';
  }
  return colon;
}

inline bool IsHostName(std::string_view text) {
  if (text.size() > 253) return false;
  if (text.ends_with('.')) text.remove_suffix(1);
  size_t label = 0;
  for (char c : text) {
    if (c == '.' && label == 0) return false;
    label = c == '.' ? 0 : label + 1;
    if (label > 63 || (c != '.' && c != '-' && c != '_' && !IsAlphanumeric(c))) return false;
  }
  return label > 0;
}

inline const char* AuthorityProblem(std::string_view authority) {
  if (authority.find('@') != std::string_view::npos) {
    return "it must not contain a user name or password; use push_headers for credentials";
  }
  size_t host_end = authority.starts_with('[') ? authority.find(']') : authority.find(':');
  if (authority.starts_with('[') && host_end != std::string_view::npos) host_end++;
  std::string_view host = authority.substr(0, host_end);
  if (host.empty()) return "it has no host";
  if (!IsBracketedAddress(host) && !IsHostName(host)) return "its host is not valid";
  std::string_view port = authority.substr(host.size());
  if (!port.empty() && (port.front() != ':' || !IsPort(port.substr(1)))) {
    return "its port is not a number from 1 to 65535";
  }
  return nullptr;
}

}  // namespace url

// What is wrong with it, as the end of the sentence "the URL is not valid: …"; nullptr: nothing.
inline const char* EndpointUrlProblem(std::string_view text) {
  if (text.size() > kUrlBytesMax) return "it is longer than 2048 bytes";
  for (char c : text) {
    if (c <= ' ' || c > '~' || c == '\\' || c == '"' || c == '<' || c == '>') {
      return "it contains a character that must be percent-encoded";
    }
  }
  size_t scheme = url::StartsWithNoCase(text, "http://")    ? 7
                  : url::StartsWithNoCase(text, "https://") ? 8
                                                            : 0;
  if (scheme == 0) return "it must start with http:// or https://";
  if (text.find('#') != std::string_view::npos) return "it must not contain a fragment (#)";
  std::string_view authority = text.substr(scheme);
  return url::AuthorityProblem(authority.substr(0, authority.find_first_of("/?")));
}

}  // namespace sequin
