// See address_guard.h. The ranges are IANA's special-purpose registries, plus multicast.
#include "push/address_guard.h"

#include <algorithm>

namespace sequin {

namespace {

const std::vector<Cidr>& Denied() {
  static const std::vector<Cidr> kDenied = [] {
    std::vector<Cidr> ranges;
    for (const char* text :
         {"0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
          "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
          "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
          "::/128",        "::1/128",         "::/96",          "64:ff9b::/96",   "64:ff9b:1::/48",
          "100::/64",      "2001::/32",       "2001:db8::/32",  "2002::/16",      "3fff::/20",
          "5f00::/16",     "fc00::/7",        "fe80::/10",      "fec0::/10",      "ff00::/8"}) {
      ranges.push_back(*ParseCidr(text));
    }
    return ranges;
  }();
  return kDenied;
}

bool AnyContains(const std::vector<Cidr>& ranges, const IpAddress& address) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Cidr& range) { return range.Contains(address); });
}

// "::ffff:127.0.0.1" is 127.0.0.1 by another name.
IpAddress WithoutMapping(const IpAddress& address) {
  static const Cidr kMapped = *ParseCidr("::ffff:0:0/96");
  if (!kMapped.Contains(address)) return address;
  IpAddress inner;
  std::copy_n(address.bytes.begin() + 12, 4, inner.bytes.begin());
  return inner;
}

}  // namespace

bool AddressGuard::Allows(const IpAddress& address) const {
  const IpAddress plain = WithoutMapping(address);
  return AnyContains(allowed_, plain) || !AnyContains(Denied(), plain);
}

std::string AddressGuard::Explain(const IpAddress& address) {
  const IpAddress plain = WithoutMapping(address);
  std::string range = plain.ToString() + (plain.v6 ? "/128" : "/32");
  if (!plain.v6 && IsLoopback(plain)) range = "127.0.0.0/8";
  return "address " + plain.ToString() +
         " is private or reserved; the agent sends there only with --allow-addresses " + range;
}

}  // namespace sequin
