// Settings (GUCs) of the extension, each with its unit and default.
#pragma once

#include "pg/prelude.h"

namespace sequin {

void DefineSettings();   // from _PG_init
void ReserveSettings();  // after all have been defined: a misspelt one is refused

size_t MaxValueBytes();   // sequin.max_value_size
int64 SegmentBytes();     // sequin.segment_size
int RetentionSeconds();   // sequin.retention
int64 RetentionBytes();   // sequin.retention_size; 0: no limit
int BatchRows();          // sequin.batch_rows
const char* PlaceName();  // sequin.place; "": none

// Settings the capture worker forces upon itself, so that what it writes depends on nothing.
void FixWorkerSettings();

}  // namespace sequin
