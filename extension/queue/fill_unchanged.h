// Values that an update left out of the WAL, looked up in the table when the message is handed out:
// fill_unchanged of a consumer. They are those of the row as it is then.
#pragma once

#include "catalog/consumer.h"
#include "log/reader.h"

namespace sequin {

class UnchangedFiller {
 public:
  explicit UnchangedFiller(const Consumer* consumer) : consumer_(consumer) {}

  // Puts what it finds into record, and from metadata's unchanged_columns to filled_columns; in the
  // current memory context. What it does not find stays as it is: the row is gone, the owner of the
  // consumer may not read it, somebody has locked the table.
  void Fill(LogRow* row);

 private:
  const Consumer* consumer_;
  int64 spent_ = 0;  // microseconds
  bool conflict_ = false;
};

}  // namespace sequin
