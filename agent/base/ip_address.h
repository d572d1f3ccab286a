// Addresses and address ranges (CIDR). IPv4 is kept as itself, not as a mapped IPv6 address.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sequin {

struct IpAddress {
  bool v6 = false;
  std::array<uint8_t, 16> bytes = {};  // v4 uses the first four

  std::string ToString() const;
  bool operator==(const IpAddress&) const = default;
};

// "127.0.0.1" or "::1"; no port, no brackets, no zone.
std::optional<IpAddress> ParseIpAddress(std::string_view text);

struct Cidr {
  IpAddress base;
  int prefix_bits = 0;

  bool Contains(const IpAddress& address) const;
};

// "10.0.0.0/8", or a single address. Host bits that are set are refused: they are usually a typo.
std::optional<Cidr> ParseCidr(std::string_view text);

struct Endpoint {
  IpAddress address;
  uint16_t port = 0;

  std::string ToString() const;
};

// "127.0.0.1:7376", "[::1]:7376" or "localhost:7376"; port 0 lets the system choose.
std::optional<Endpoint> ParseEndpoint(std::string_view text);

bool IsLoopback(const IpAddress& address);

}  // namespace sequin
