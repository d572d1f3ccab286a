// Which addresses a webhook may reach.
#include <gtest/gtest.h>

#include "push/address_guard.h"

namespace sequin {
namespace {

bool Allows(const AddressGuard& guard, const std::string& address) {
  return guard.Allows(*ParseIpAddress(address));
}

TEST(AddressGuard, LetsPublicAddressesThrough) {
  const AddressGuard guard({});
  for (const char* address :
       {"8.8.8.8", "1.1.1.1", "172.32.0.1", "172.15.255.255", "100.128.0.1", "192.0.1.1",
        "198.20.0.1", "223.255.255.255", "2606:4700::1111", "2001:4860:4860::8888"}) {
    EXPECT_TRUE(Allows(guard, address)) << address;
  }
}

TEST(AddressGuard, StopsEveryReservedIpv4Range) {
  const AddressGuard guard({});
  for (const char* address :
       {"0.0.0.0",         "10.1.2.3",        "100.64.0.1",  "100.127.255.255", "127.0.0.1",
        "127.255.255.255", "169.254.169.254", "172.16.0.1",  "172.31.255.255",  "192.0.0.1",
        "192.0.2.1",       "192.88.99.1",     "192.168.1.1", "198.18.0.1",      "198.19.255.255",
        "198.51.100.1",    "203.0.113.1",     "224.0.0.1",   "239.1.1.1",       "240.0.0.1",
        "255.255.255.255"}) {
    EXPECT_FALSE(Allows(guard, address)) << address;
  }
}

TEST(AddressGuard, StopsEveryReservedIpv6Range) {
  const AddressGuard guard({});
  for (const char* address : {"::", "::1", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1",
                              "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1",
                              "fc00::1", "fdff::1", "fe80::1", "fec0::1", "ff02::1"}) {
    EXPECT_FALSE(Allows(guard, address)) << address;
  }
}

TEST(AddressGuard, LooksIntoMappedAddresses) {
  const AddressGuard guard({});
  EXPECT_FALSE(Allows(guard, "::ffff:127.0.0.1"));
  EXPECT_FALSE(Allows(guard, "::ffff:169.254.169.254"));
  EXPECT_TRUE(Allows(guard, "::ffff:8.8.8.8"));
}

TEST(AddressGuard, OpensExactlyTheRangesItIsGiven) {
  const AddressGuard guard({*ParseCidr("127.0.0.0/8"), *ParseCidr("10.1.0.0/16")});
  EXPECT_TRUE(Allows(guard, "127.0.0.1"));
  EXPECT_TRUE(Allows(guard, "::ffff:127.0.0.1"));
  EXPECT_TRUE(Allows(guard, "10.1.2.3"));
  EXPECT_FALSE(Allows(guard, "10.2.2.3"));
  EXPECT_FALSE(Allows(guard, "::1"));
}

TEST(AddressGuard, SaysWhichOptionWouldHelp) {
  EXPECT_NE(
      AddressGuard::Explain(*ParseIpAddress("127.0.0.1")).find("--allow-addresses 127.0.0.0/8"),
      std::string::npos);
  EXPECT_NE(AddressGuard::Explain(*ParseIpAddress("::1")).find("--allow-addresses ::1/128"),
            std::string::npos);
}

}  // namespace
}  // namespace sequin
