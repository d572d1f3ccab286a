// See process_facts.h. proc(5): fields of /proc/self/stat are counted behind the program's name.
#include "metrics/process_facts.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace sequin {

namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr size_t kUserTicks = 11;
constexpr size_t kSystemTicks = 12;
constexpr size_t kStartTicks = 19;
constexpr size_t kResidentPages = 21;

std::vector<double> StatFields() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  std::istringstream fields(text.substr(std::min(text.rfind(')') + 2, text.size())));
  std::string state;
  fields >> state;
  std::vector<double> values = {0};
  for (double value = 0; fields >> value;) values.push_back(value);
  return values;
}

// Seconds since 1970 when the system began.
std::optional<double> BootTime() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    double value = 0;
    if (word == "btime" && file >> value) return value;
  }
  return std::nullopt;
}

// Linux 6.2 and later tell the number as the size; to list thousands of them would hold up the
// loop.
std::optional<double> OpenFiles() {
  struct stat about {};
  if (stat("/proc/self/fd", &about) == 0 && about.st_size > 0) {
    return static_cast<double>(about.st_size);
  }
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  if (error) return std::nullopt;
  return static_cast<double>(std::distance(begin(files), end(files)));
}

void Add(std::vector<MetricFamily>& families, MetricType type, const char* name, const char* help,
         std::optional<double> value) {
  if (!value) return;
  MetricFamily& family = families.emplace_back();
  family.name = name;
  family.help = help;
  family.type = type;
  auto& metric = family.metric.emplace_back();
  metric.counter.value = metric.gauge.value = *value;
}

}  // namespace

std::vector<MetricFamily> ProcessFamilies() {
  std::vector<MetricFamily> families;
  const std::vector<double> stat = StatFields();
  if (stat.size() > kResidentPages) {
    const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    Add(families, MetricType::Counter, "process_cpu_seconds_total", "User and system CPU time",
        (stat[kUserTicks] + stat[kSystemTicks]) / ticks);
    Add(families, MetricType::Gauge, "process_resident_memory_bytes", "Memory in use",
        stat[kResidentPages] * static_cast<double>(sysconf(_SC_PAGESIZE)));
    if (const auto boot = BootTime()) {
      Add(families, MetricType::Gauge, "process_start_time_seconds",
          "When the process began, in seconds since 1970", *boot + stat[kStartTicks] / ticks);
    }
  }
  Add(families, MetricType::Gauge, "process_open_fds", "Open files and sockets", OpenFiles());
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    Add(families, MetricType::Gauge, "process_max_fds", "Most files and sockets it may have open",
        static_cast<double>(limit.rlim_cur));
  }
  return families;
}

}  // namespace sequin
