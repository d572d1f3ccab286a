// Finding the rows of a chunk (chunk_query.h).
#include "backfill/chunk_query.h"

#include "catalog/captured_table.h"

namespace sequin {
namespace {

// ---- the order ---------------------------------------------------------------------------------

const char* QuotedName(Relation table) {
  return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(table)),
                                    RelationGetRelationName(table));
}

void AddColumn(Order* order, Relation table, AttrNumber number) {
  for (int i = 0; i < order->count; i++) {
    if (order->columns[i].number == number) return;
  }
  if (order->count == kOrderColumnsMax) {
    ereport(ERROR, errcode(ERRCODE_TOO_MANY_COLUMNS),
            errmsg("a backfill cannot be ordered by more than %d columns", kOrderColumnsMax));
  }
  Form_pg_attribute column = TupleDescAttr(RelationGetDescr(table), number - 1);
  // Rows with NULLs would be passed by: nothing is behind them, nor are they behind anything.
  if (!column->attnotnull) {
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("column %s of table %s, which the backfill is ordered by, may be NULL",
                   NameStr(column->attname), QuotedName(table)));
  }
  order->columns[order->count++] = {number, quote_identifier(NameStr(column->attname)),
                                    getBaseType(column->atttypid), column->attcollation};
}

void AddOrderBy(Order* order, const Feed& feed, Relation table) {
  ArrayIterator names = array_create_iterator(feed.order_by, 0, nullptr);
  Datum name;
  bool is_null;
  while (array_iterate(names, &name, &is_null)) {
    char* column = TextDatumGetCString(name);
    AttrNumber number = get_attnum(RelationGetRelid(table), column);
    if (number <= 0) {
      ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
              errmsg("table %s has no column \"%s\" to order by", QuotedName(table), column));
    }
    AddColumn(order, table, number);
  }
}

const char* IdentityOf(const Order& order) {
  StringInfoData text;
  initStringInfo(&text);
  for (int i = 0; i < order.count; i++) {
    const OrderColumn& column = order.columns[i];
    appendStringInfo(&text, "%s%d:%u:%u", i > 0 ? "," : "", column.number, column.type,
                     column.collation);
  }
  return text.data;
}

// ---- the query ---------------------------------------------------------------------------------

struct ChunkQuery {
  StringInfoData text;
  Oid types[kOrderColumnsMax];
  Datum values[kOrderColumnsMax];
  int count;
};

// Rows that the filter does not want are found all the same: so each query has an end near by.
void BeginQuery(const Feed& feed, Relation table, ChunkQuery* query) {
  *query = ChunkQuery{};
  initStringInfo(&query->text);
  appendStringInfo(&query->text,
                   "SELECT ctid, coalesce((%s\n)::pg_catalog.bool, false) FROM ONLY %s",
                   feed.filter ? feed.filter : "true", QuotedName(table));
}

void AppendOrder(ChunkQuery* query, const Order& order, int count) {
  for (int i = 0; i < count; i++) {
    appendStringInfo(&query->text, "%s%s", i > 0 ? ", " : "", order.columns[i].name);
  }
}

// The values of a text array, which may be fewer than the columns.
void ReadBound(ChunkQuery* query, const Order& order, ArrayType* bound) {
  ArrayIterator texts = array_create_iterator(bound, 0, nullptr);
  Datum value;
  bool is_null;
  while (query->count < order.count && array_iterate(texts, &value, &is_null)) {
    const OrderColumn& column = order.columns[query->count];
    Oid input, parameter;
    getTypeInputInfo(column.type, &input, &parameter);
    query->types[query->count] = column.type;
    query->values[query->count++] =
        OidInputFunctionCall(input, TextDatumGetCString(value), parameter, -1);
  }
}

// The operator that ORDER BY goes by. By its name alone one would find another for a type that has
// its own outside of pg_catalog: that of a type it can be cast to.
Oid OrderOperator(Oid type, StrategyNumber strategy) {
  TypeCacheEntry* entry = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY);
  Oid found = OidIsValid(entry->btree_opf)
                  ? get_opfamily_member(entry->btree_opf, entry->btree_opintype,
                                        entry->btree_opintype, static_cast<int16>(strategy))
                  : InvalidOid;
  if (!OidIsValid(found)) {
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_FUNCTION),
            errmsg("type %s has no order", format_type_be(type)));
  }
  return found;
}

Oid SchemaOfOperator(Oid number) {
  HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(number));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "there is no operator %u", number);
  Oid schema = reinterpret_cast<Form_pg_operator>(GETSTRUCT(tuple))->oprnamespace;
  ReleaseSysCache(tuple);
  return schema;
}

bool InCatalog(const ChunkQuery& query) {
  for (int i = 0; i < query.count; i++) {
    Oid after = OrderOperator(query.types[i], BTGreaterStrategyNumber);
    if (SchemaOfOperator(after) != PG_CATALOG_NAMESPACE) return false;
  }
  return true;
}

// `(a, b) > ($1, $2)`
void AppendRowComparison(ChunkQuery* query, const Order& order, bool inclusive) {
  appendStringInfoString(&query->text, " WHERE (");
  AppendOrder(query, order, query->count);
  appendStringInfo(&query->text, ") %s (", inclusive ? ">=" : ">");
  for (int i = 0; i < query->count; i++) {
    appendStringInfo(&query->text, "%s$%d", i > 0 ? ", " : "", i + 1);
  }
  appendStringInfoString(&query->text, ")");
}

void AppendComparison(ChunkQuery* query, const Order& order, int column, StrategyNumber strategy) {
  Oid number = OrderOperator(query->types[column], strategy);
  appendStringInfo(&query->text, "%s OPERATOR(%s.%s) $%d", order.columns[column].name,
                   quote_identifier(get_namespace_name(SchemaOfOperator(number))),
                   get_opname(number), column + 1);
}

// The same with a name for each operator: `a >= $1 AND (a > $1 OR (a = $1 AND (b > $2)))`. The
// first part is what an index can be read from.
void AppendNamedComparison(ChunkQuery* query, const Order& order, bool inclusive) {
  appendStringInfoString(&query->text, " WHERE ");
  AppendComparison(query, order, 0, BTGreaterEqualStrategyNumber);
  for (int i = 0; i < query->count; i++) {
    bool last = i + 1 == query->count;
    appendStringInfoString(&query->text, " AND (");
    AppendComparison(query, order, i,
                     last && inclusive ? BTGreaterEqualStrategyNumber : BTGreaterStrategyNumber);
    if (last) break;
    appendStringInfoString(&query->text, " OR (");
    AppendComparison(query, order, i, BTEqualStrategyNumber);
  }
  for (int i = 0; i < 2 * query->count - 1; i++) appendStringInfoChar(&query->text, ')');
}

void AppendBound(ChunkQuery* query, const Order& order, ArrayType* bound, bool inclusive) {
  ReadBound(query, order, bound);
  if (InCatalog(*query)) {
    AppendRowComparison(query, order, inclusive);
  } else {
    AppendNamedComparison(query, order, inclusive);
  }
}

// ---- rights ------------------------------------------------------------------------------------

// Whose rights capture asks for.
Oid RightsTable(Relation table) {
  if (!table->rd_rel->relispartition) return RelationGetRelid(table);
  List* above = get_partition_ancestors(RelationGetRelid(table));
  return above == NIL ? RelationGetRelid(table) : llast_oid(above);
}

void RequireRight(const Feed& feed, Relation table, Oid rights_table, AttrNumber column) {
  const char* name = get_attname(RelationGetRelid(table), column, false);
  AttrNumber asked = get_attnum(rights_table, name);
  if (asked != InvalidAttrNumber && OwnerMayRead(rights_table, asked, feed.owner)) return;
  ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
          errmsg("role \"%s\" may not read column %s of table %s",
                 GetUserNameFromId(feed.owner, false), quote_identifier(name), QuotedName(table)),
          errdetail("The filter of a backfill runs as the owner of the consumer."));
}

SPIPlanPtr Prepare(const char* text, int count, Oid* types, Bitmapset** columns) {
  SPIPlanPtr plan = SPI_prepare(text, count, types);
  if (plan == nullptr) elog(ERROR, "SPI_prepare: %s", SPI_result_code_string(SPI_result));
  auto* source = static_cast<CachedPlanSource*>(linitial(SPI_plan_get_plan_sources(plan)));
  *columns = TakeReadColumns(static_cast<Query*>(linitial(source->query_list)), 1);
  return plan;
}

// The executor would ask for rights to the partition and to ctid, but rights are given to the root
// and, perhaps, to some columns. Everything else that the filter reads is left to the executor.
void CheckFilterRights(const Feed& feed, Relation table) {
  if (feed.filter == nullptr) return;
  Bitmapset* columns;
  SPI_freeplan(Prepare(
      psprintf("SELECT (%s\n)::pg_catalog.bool FROM ONLY %s", feed.filter, QuotedName(table)), 0,
      nullptr, &columns));
  Oid rights_table = RightsTable(table);
  for (int member = -1; (member = bms_next_member(columns, member)) >= 0;) {
    int column = member + FirstLowInvalidHeapAttributeNumber;
    if (column < 0) continue;  // of the system: ctid, tableoid
    if (column > 0) {
      RequireRight(feed, table, rights_table, static_cast<AttrNumber>(column));
      continue;
    }
    TupleDesc descriptor = RelationGetDescr(table);  // the whole row
    for (AttrNumber i = 1; i <= descriptor->natts; i++) {
      if (TupleDescAttr(descriptor, i - 1)->attisdropped) continue;
      RequireRight(feed, table, rights_table, i);
    }
  }
}

// As the consumer's owner, also what reads the bounds: types may have checks of their own.
template <typename Build>
Vec<FoundRow> Find(const Feed& feed, Relation table, Snapshot snapshot, Build&& build) {
  Vec<FoundRow> found{};
  found.context = CurrentMemoryContext;
  AsConsumerOwner(feed.owner, [&] {
    SPI_connect();
    ChunkQuery query;
    BeginQuery(feed, table, &query);
    build(&query);
    CheckFilterRights(feed, table);
    Bitmapset* columns;
    SPIPlanPtr plan = Prepare(query.text.data, query.count, query.types, &columns);
    int result = SPI_execute_snapshot(plan, query.values, nullptr, snapshot, InvalidSnapshot, true,
                                      false, 0);
    if (result != SPI_OK_SELECT) elog(ERROR, "SPI_execute: %s", SPI_result_code_string(result));
    for (uint64 i = 0; i < SPI_processed; i++) {
      bool is_null;
      HeapTuple row = SPI_tuptable->vals[i];
      TupleDesc descriptor = SPI_tuptable->tupdesc;
      FoundRow one;
      one.tid = *reinterpret_cast<ItemPointer>(
          DatumGetPointer(SPI_getbinval(row, descriptor, 1, &is_null)));
      one.matches = DatumGetBool(SPI_getbinval(row, descriptor, 2, &is_null));
      found.push(one);
    }
    SPI_finish();
  });
  return found;
}

}  // namespace

Order OrderOf(const Feed& feed, Relation table) {
  Order order{};
  Oid key = RelationGetPrimaryKeyIndex(table);
  if (!OidIsValid(key)) key = RelationGetReplicaIndex(table);
  order.by_block = !OidIsValid(key);
  order.identity = "";
  if (order.by_block) {
    if (feed.order_by == nullptr && feed.start_at == nullptr) return order;
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("a backfill of table %s cannot be ordered", QuotedName(table)),
            errdetail("It has no primary key and no replica identity index, so that it is read "
                      "block by block."));
  }
  if (feed.order_by != nullptr) AddOrderBy(&order, feed, table);
  Relation index = index_open(key, AccessShareLock);
  for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++) {
    AddColumn(&order, table, index->rd_index->indkey.values[i]);
  }
  index_close(index, AccessShareLock);
  order.identity = IdentityOf(order);
  return order;
}

Vec<FoundRow> FindByKey(const Feed& feed, Relation table, const Order& order, Snapshot snapshot) {
  return Find(feed, table, snapshot, [&](ChunkQuery* query) {
    if (feed.position != nullptr) {
      AppendBound(query, order, feed.position, false);
    } else if (feed.start_at != nullptr) {
      AppendBound(query, order, feed.start_at, true);
    }
    appendStringInfoString(&query->text, " ORDER BY ");
    AppendOrder(query, order, order.count);
    appendStringInfo(&query->text, " LIMIT %d", feed.chunk_rows);
  });
}

Vec<FoundRow> FindByBlock(const Feed& feed, Relation table, BlockNumber from, BlockNumber to,
                          Snapshot snapshot) {
  return Find(feed, table, snapshot, [&](ChunkQuery* query) {
    appendStringInfo(&query->text, " WHERE ctid >= '(%u,0)'::pg_catalog.tid", from);
    if (to != InvalidBlockNumber) {
      appendStringInfo(&query->text, " AND ctid < '(%u,0)'::pg_catalog.tid", to);
    }
  });
}

}  // namespace sequin
