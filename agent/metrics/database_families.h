// What the database says about itself, as families of metrics.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "queue/database_facts.h"

namespace sequin {

// A value that is not known has no series. Names and meanings: docs/metrics.md.
std::vector<prometheus::MetricFamily> DatabaseFamilies(const DatabaseFacts& facts);

}  // namespace sequin
