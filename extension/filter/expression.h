// A filter's text as an expression tree over the three rows a change has.
#pragma once

#include "pg/prelude.h"

namespace sequin {

// Range table positions of the rows.
inline constexpr int kOldRow = 1;
inline constexpr int kNewRow = 2;
inline constexpr int kPlainRow = 3;

// The number of the parameter that `action` is (text).
inline constexpr int kActionParameter = 1;

struct FilterExpression {
  Expr* tree;  // boolean, planned, ready for the executor but for its row numbers
  // Columns it looks at, as pull_varattnos has them (FirstLowInvalidHeapAttributeNumber is added
  // to members; the number 0 stands for the whole row).
  Bitmapset* old_columns;
  Bitmapset* new_columns;
  Bitmapset* plain_columns;
};

// What a table's changes are called: its own name, or that of its partition root. A filter calls
// the plain row by the root's name in both cases.
struct PublishedName {
  const char* schema;
  const char* table;
  const char* row;
};
// `published`: InvalidOid means the root of a partition, else the table itself.
PublishedName NameAsPublished(Relation relation, Oid published);

// Parses and checks for evaluation while decoding. The meaning of the text does not depend on
// settings of the session: names are those of pg_catalog, times are UTC. Allocates in the current
// memory context. ERROR as CheckFilter has them (filter.h), and 0A000 for what decoding cannot
// evaluate.
FilterExpression ParseFilterExpression(Relation relation, Oid published, const char* sql);

// The part of it that needs no table.
void CheckExpressionSyntax(const char* sql);

// The one expression of the text as the grammar has it, `changed(…)` written out. ERROR 42601 for
// whatever else the grammar takes there, 42P02 for parameters.
Node* RawExpression(ParseState* state, const char* sql);

// Runs `body` with positions of errors put into the filter, not into the statement that brought it.
struct FilterPlace {
  const char* sql;
  const char* table;  // nullptr: for no table in particular
};
void WithFilterPlace(FilterPlace place, void (*body)(void*), void* argument);
template <typename Body>
void WithFilterPlace(FilterPlace place, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  WithFilterPlace(
      place, [](void* argument) { (*static_cast<Plain*>(argument))(); }, &body);
}

// What both tiers refuse in a text before names are looked up, and `changed(…)` rewritten in place.
void PrepareRawExpression(Node* raw, ParseState* state);

// ERROR 0A000 for queries and for types whose literals would run code of users: before any name is
// looked up.
void RequireHarmlessText(Node* raw, ParseState* state, Relation relation);

// ERROR 0A000 unless all of it is built in, immutable, and may run while decoding. `planned` says
// whether functions in SQL had their chance to be inlined.
void RequireDecodable(Node* tree, ParseState* state, bool planned);

}  // namespace sequin
