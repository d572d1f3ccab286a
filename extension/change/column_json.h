// The value of one column of a message: what AppendValue writes, but it never raises, always fits
// and is always valid. What was done instead is said, for the metadata of the message.
#pragma once

#include "change/value_json.h"

namespace sequin {

enum class ColumnForm : uint8_t {
  kPlain,
  kJsonNull,  // a json or jsonb column that is not NULL but holds JSON's null
  kHex,       // not valid in the encoding: `\x` and the bytes of its text in hexadecimal
  kOmitted,   // nothing was appended
};

struct ColumnResult {
  ColumnForm form;
  const char* reason;  // kOmitted
};

// Whether bytes may stand in a message: text in the encoding of the database, in UTF-8 where that
// is any.
bool IsReadable(std::string_view bytes);

// `value_bytes_max`: larger values are omitted. `text_bytes_max`: how long `out` may become.
// Runs what is not the server's own code in a subtransaction.
ColumnResult AppendColumn(StringInfo out, const ValuePlan* plan, Datum value,
                          size_t value_bytes_max, size_t text_bytes_max);

}  // namespace sequin
