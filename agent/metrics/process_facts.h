// What the operating system says about this process, under the names that Prometheus' own libraries
// use.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace sequin {

// What cannot be read is left out.
std::vector<prometheus::MetricFamily> ProcessFamilies();

}  // namespace sequin
