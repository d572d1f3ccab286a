// Which messages of a consumer with mode latest are not the newest of their key.
//
// Reads the newest committed rows, as all of receive does: a message that is the newer one is in
// the route by the same commit, so that whoever passes by the older one will come to it.
#pragma once

#include "change/entry_codec.h"
#include "log/reader.h"
#include "pg/index_probe.h"

namespace sequin {

class LatestReader {
 public:
  // `stream`: 0 for a consumer of tables. In the current memory context, which must outlast it.
  LatestReader(int32 consumer, int32 stream) : consumer_(consumer), stream_(stream) {}

  // For entries with one group. `log` finds the key when the hash alone does not decide.
  bool Superseded(const Entry& entry, LogReader* log);
  void Close();

 private:
  bool InStream(const Entry& entry);
  bool InTables(const Entry& entry, LogReader* log);

  int32 consumer_;
  int32 stream_;
  MemoryContext context_ = CurrentMemoryContext;
  Relation table_ = nullptr;
  IndexProbe by_seq_;  // of stream_message
  IndexProbe by_key_;  // of stream_message, or of latest by hash
};

}  // namespace sequin
