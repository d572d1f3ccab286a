// Declarations of consumers as JSON objects, for configuration that is kept as code: the arguments
// of create_consumer by name, as values of JSON.
#pragma once

#include "catalog/declaration.h"

namespace sequin {

// Sets `call`'s arguments from the members of an object, by the names that the function declares
// for its parameters; those that are missing or null are NULL. Texts go through the input function
// of the parameter's type, so intervals are written as in SQL. ERROR 22023 for a member that is no
// parameter or has another type.
void ArgumentsFromJson(const Jsonb* object, Oid function, FunctionCallInfo call);

// sequin.create_consumer.
Oid CreateConsumerOid();

struct DeclarationMember {
  const char* name;
  const char* json;
};

// Members from which ArgumentsFromJson makes the same declaration again. Equal declarations have
// equal members. `stream`: its name, nullptr: tables.
Vec<DeclarationMember> MembersOf(const Declaration& declaration, const char* stream);

}  // namespace sequin
