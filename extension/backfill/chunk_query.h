// Finding the rows of a chunk: in which order a table is read, and the query for its next rows.
#pragma once

#include "backfill/feed.h"

namespace sequin {

// The columns of order_by, and those of a key.
inline constexpr int kOrderColumnsMax = 2 * INDEX_MAX_KEYS;

struct OrderColumn {
  AttrNumber number;
  const char* name;  // quoted
  Oid type;          // not a domain
  Oid collation;
};

struct Order {
  OrderColumn columns[kOrderColumnsMax];
  int count;
  bool by_block;  // no key
  // A position has values of these columns: number, type and collation of each. Empty: a block.
  const char* identity;
};

struct FoundRow {
  ItemPointerData tid;
  bool matches;  // the filter
};

// ERROR when the table cannot be read in the order that was asked for.
Order OrderOf(const Feed& feed, Relation table);

// The next rows by key, and the rows of some blocks; `to` InvalidBlockNumber: up to the end. The
// query runs as the consumer's owner, with the rights that capture asks for.
Vec<FoundRow> FindByKey(const Feed& feed, Relation table, const Order& order, Snapshot snapshot);
Vec<FoundRow> FindByBlock(const Feed& feed, Relation table, BlockNumber from, BlockNumber to,
                          Snapshot snapshot);

}  // namespace sequin
