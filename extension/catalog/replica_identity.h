// Which old values an UPDATE or DELETE leaves in the WAL.
#pragma once

#include "pg/prelude.h"

namespace sequin {

struct IdentityGap {
  const char* column;
  const char* table;  // qualified; a partition of the table asked about, or itself
  Oid relation;
};

// Looks for one of `columns` whose old value the table does not log; `columns` is as
// pull_varattnos makes it, and the whole row means all of them. Of a partitioned table all
// partitions are looked at.
bool FindIdentityGap(Relation relation, const Bitmapset* columns, IdentityGap* gap);

// Whether the table itself logs the old values of all `columns`. For decoding: takes no locks.
bool LogsOldValues(Relation relation, const Bitmapset* columns);

// The identity in words, for a detail.
const char* DescribeIdentity(Oid relation);

// `schema.table`, quoted where needed.
const char* QualifiedName(Oid relation);

}  // namespace sequin
