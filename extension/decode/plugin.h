// Our logical decoding output plugin. It runs only inside the capture worker: it hands changes to
// a Batch and never writes to a client.
#pragma once

#include "capture/attempt.h"
#include "decode/relation_plan.h"
#include "decode/routing.h"
#include "log/batch.h"

namespace sequin {

// What the callbacks work with; owned by the capture worker.
struct Decoder {
  Routing routing;
  RelationPlans plans;
  Batch batch;
  Attempt attempt;
  TupleDesc log_descriptor;  // of sequin.log_0
  XLogRecPtr part_lsn;       // a transaction of which the first part_idx changes are in the log
  int64 part_idx;
  int64 commits;  // of others' transactions, so far
};

// From now on the plugin works for `decoder`; nullptr: it refuses to run.
void SetDecoder(Decoder* decoder);

}  // namespace sequin
