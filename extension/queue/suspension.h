// Consumers that stand still because of their filter: tables suspension and filter_failure. Written
// by receive, under the consumer's lock; alter_consumer takes a suspension away.
#pragma once

#include "log/reader.h"

namespace sequin {

// Candidates that may fail in a row before the consumer is suspended.
inline constexpr int32 kFilterFailuresInARow = 100;

bool IsSuspended(int32 consumer);
// At the first entry that was not decided.
void InsertSuspension(int32 consumer, const LogRow& row, const char* reason);

// How many candidates of the consumer failed last, one after the other.
int32 ReadFilterFailures(int32 consumer);
void WriteFilterFailures(int32 consumer, int32 in_a_row, const char* last_error);

}  // namespace sequin
