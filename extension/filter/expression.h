// A filter's text as an expression tree over the three rows a change has.
#pragma once

#include "pg/prelude.h"

namespace sequin {

// Range table positions of the rows.
inline constexpr int kOldRow = 1;
inline constexpr int kNewRow = 2;
inline constexpr int kPlainRow = 3;

struct FilterExpression {
  Expr* tree;  // boolean, planned, ready for the executor but for its row numbers
  // Columns it looks at, as pull_varattnos has them (FirstLowInvalidHeapAttributeNumber is added
  // to members; the number 0 stands for the whole row).
  Bitmapset* old_columns;
  Bitmapset* new_columns;
  Bitmapset* plain_columns;
};

// Parses and checks. The meaning of the text does not depend on settings of the session: names are
// those of pg_catalog, times are UTC. Allocates in the current memory context; raises as
// CheckFilter does (filter.h).
FilterExpression ParseFilterExpression(Relation relation, const char* sql);

// The part of it that needs no table.
void CheckExpressionSyntax(const char* sql);

// ERROR for queries, parameters, * and types whose literals would run code of users: before any
// name is looked up. `relation` may be nullptr.
void RequireHarmlessText(Node* raw, ParseState* state, Relation relation);

// ERROR 0A000 unless all of it is built in, immutable, and may run while decoding. `planned` says
// whether functions in SQL had their chance to be inlined.
void RequireDecodable(Node* tree, ParseState* state, bool planned);

}  // namespace sequin
