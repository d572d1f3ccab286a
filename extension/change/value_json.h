// One value as JSON, the mapping of docs/types.md. The text depends on the type alone and never on
// settings of a session: callers run where value_settings.h is in force.
#pragma once

#include "change/base64.h"
#include "change/value_plan.h"

namespace sequin {

// What a json or jsonb value is inside a larger value: where JSON of the outer one could be taken
// for something else, its text form is written instead.
enum class JsonShape : uint8_t {
  kClear,
  kNull,   // could be taken for SQL's NULL
  kArray,  // could be taken for a dimension of the array around it
};

// Appends the JSON text of a value that is not null. Detoasts; garbage goes to the current context.
JsonShape AppendValue(StringInfo out, const ValuePlan* plan, Datum value);

// Appends `"…"`.
void AppendJsonString(StringInfo out, std::string_view text);

// The same for names and messages of errors: what is no character (SQL_ASCII) becomes U+FFFD.
void AppendJsonName(StringInfo out, std::string_view text);

// Messages are UTF-8 for whoever gets them. Only in a database of the encoding SQL_ASCII can a text
// be anything else.
bool IsUtf8Text(std::string_view text);

// Appends the bytes in base64, without quotes.
void AppendBase64(StringInfo out, std::string_view bytes, Base64 kind);

}  // namespace sequin
