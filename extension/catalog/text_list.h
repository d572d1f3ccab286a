// A list of texts, such as a text[] argument.
#pragma once

namespace sequin {

struct TextList {
  const char** items = nullptr;
  int count = 0;

  const char** begin() const { return items; }
  const char** end() const { return items + count; }
};

}  // namespace sequin
