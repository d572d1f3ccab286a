// See ip_address.h. inet_pton does the reading.
#include "base/ip_address.h"

#include <arpa/inet.h>

#include <charconv>

namespace sequin {

namespace {

std::optional<int> ParseNumber(std::string_view text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value < 0 || value > most) return std::nullopt;
  return value;
}

bool BitAt(const IpAddress& address, int bit) {
  return (address.bytes[static_cast<size_t>(bit / 8)] >> (7 - bit % 8)) & 1;
}

}  // namespace

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text, sizeof(text));
  return text;
}

std::optional<IpAddress> ParseIpAddress(std::string_view text) {
  const std::string copy(text);
  IpAddress address;
  if (inet_pton(AF_INET, copy.c_str(), address.bytes.data()) == 1) return address;
  address.v6 = true;
  if (inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

bool Cidr::Contains(const IpAddress& address) const {
  if (address.v6 != base.v6) return false;
  for (int bit = 0; bit < prefix_bits; ++bit) {
    if (BitAt(address, bit) != BitAt(base, bit)) return false;
  }
  return true;
}

std::optional<Cidr> ParseCidr(std::string_view text) {
  const size_t slash = text.find('/');
  const auto base = ParseIpAddress(text.substr(0, slash));
  if (!base) return std::nullopt;
  const int width = base->v6 ? 128 : 32;
  Cidr cidr{*base, width};
  if (slash != std::string_view::npos) {
    const auto bits = ParseNumber(text.substr(slash + 1), width);
    if (!bits) return std::nullopt;
    cidr.prefix_bits = *bits;
  }
  for (int bit = cidr.prefix_bits; bit < width; ++bit) {
    if (BitAt(cidr.base, bit)) return std::nullopt;
  }
  return cidr;
}

std::string Endpoint::ToString() const {
  const std::string host = address.ToString();
  return (address.v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<Endpoint> ParseEndpoint(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = ParseNumber(text.substr(colon + 1), 65535);
  if (!port) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host == "localhost") host = "127.0.0.1";
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = ParseIpAddress(host);
  if (!address || address->v6 != bracketed) return std::nullopt;
  return Endpoint{*address, static_cast<uint16_t>(*port)};
}

bool IsLoopback(const IpAddress& address) {
  static const Cidr kV4 = *ParseCidr("127.0.0.0/8");
  static const Cidr kV6 = *ParseCidr("::1");
  return kV4.Contains(address) || kV6.Contains(address);
}

}  // namespace sequin
