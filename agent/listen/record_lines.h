// The record of one received webhook: a JSON line for each message in it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace sequin {

struct RecordedLines {
  std::string text;
  size_t count = 0;
};

// A body of the form {"data":[...]} begins like this.
bool MayBeBatch(std::string_view body);

// {"received_at_us":...,"webhook_id":"...","message":{...}} and a newline, for the body itself or
// for each element of a body of the form {"data":[...]}.
Result<RecordedLines> RecordLines(const std::string& body, const std::string& webhook_id,
                                  long long received_at_us);

}  // namespace sequin
