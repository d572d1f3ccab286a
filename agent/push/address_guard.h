// Which addresses a webhook may be sent to. Asked about the address that is about to be connected,
// so neither a redirect nor a DNS answer that changes can get around it.
#pragma once

#include <string>
#include <vector>

#include "base/ip_address.h"

namespace sequin {

class AddressGuard {
 public:
  explicit AddressGuard(std::vector<Cidr> allowed) : allowed_(std::move(allowed)) {}

  // Public addresses, and what the allow list opens.
  bool Allows(const IpAddress& address) const;

  // Why it was refused and which option would open it.
  static std::string Explain(const IpAddress& address);

 private:
  std::vector<Cidr> allowed_;
};

}  // namespace sequin
