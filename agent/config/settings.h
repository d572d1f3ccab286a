// Everything that can be set on the command line, with its unit in its name.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ip_address.h"
#include "http/connection.h"
#include "pg/connection.h"
#include "pull/pull_consumer.h"
#include "push/push_consumer.h"

namespace sequin {

struct AgentSettings {
  PgSettings database;
  int work_connections = 4;
  Endpoint listen;
  HttpLimits http;
  PushSettings push;
  PullSettings pull;
  std::vector<Cidr> allowed_addresses;
  std::string push_proxy;
  Millis push_connect_timeout{5000};
  Millis push_low_speed_time{30000};
  size_t push_response_bytes_max = 64 * 1024;
  size_t push_idle_connections_max = 256;
  size_t payload_bytes_max = 256UL * 1024 * 1024;
  size_t settles_queued_max = 20000;
  Millis poll_interval{1000};
  Millis shutdown_timeout{30000};
};

struct DoctorSettings {
  std::string conninfo;
  bool json = false;
};

struct ListenSettings {
  Endpoint listen;
  HttpLimits http;
  std::string record_path;
  int status = 200;
  Millis delay{0};
};

}  // namespace sequin
