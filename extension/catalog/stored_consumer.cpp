// The statements behind create_consumer and its like (stored_consumer.h).
#include "catalog/stored_consumer.h"

#include "capture/place.h"
#include "catalog/consumer.h"
#include "catalog/owner_statement.h"
#include "pg/table.h"

namespace sequin {
namespace {

void ExecuteFor(int32 consumer, const char* statement) {
  StatementValues values;
  values.Int4(consumer);
  RunAsOwner(statement, values);
}

StatementValues& AddTexts(StatementValues* values, const TextList& list, bool present) {
  return values->Add(TEXTARRAYOID, present ? TextArrayDatum(list) : Datum{0}, !present);
}

// An empty list is NULL.
StatementValues& AddTexts(StatementValues* values, const TextList& list) {
  return AddTexts(values, list, list.count > 0);
}

StatementValues& AddMilliseconds(StatementValues* values, const MillisecondsList& list) {
  return values->Add(INT8ARRAYOID, list.count ? MillisecondsDatum(list) : Datum{0},
                     list.count == 0);
}

int32 InsertEndpoint(const Declaration& declaration) {
  StatementValues values;
  values.Text(declaration.name)
      .Text(declaration.push_url)
      .Json(declaration.push_headers)
      .Int8(declaration.push_timeout_ms);
  int32 id = 0;
  RunAsOwner(
      "INSERT INTO sequin.endpoint (name, url, headers, timeout_ms) VALUES ($1, $2, $3, $4) "
      "RETURNING id",
      values, [&](HeapTuple row, TupleDesc columns) {
        bool is_null;
        id = DatumGetInt32(SPI_getbinval(row, columns, 1, &is_null));
      });
  return id;
}

// Reads a row of known columns into `home`.
class StoredRow {
 public:
  StoredRow(HeapTuple row, TupleDesc columns) : row_(row), columns_(columns) {}

  bool IsNull(int column) { return SPI_getvalue(row_, columns_, column) == nullptr; }
  Datum Get(int column) {
    bool is_null;
    return SPI_getbinval(row_, columns_, column, &is_null);
  }
  const char* Text(int column) {
    return IsNull(column) ? nullptr : TextDatumGetCString(Get(column));
  }
  TextList Texts(int column) {
    return IsNull(column) ? TextList{} : TextListOf(Get(column), "stored list");
  }
  MillisecondsList Milliseconds(int column) {
    return IsNull(column) ? MillisecondsList{} : StoredMilliseconds(Get(column));
  }
  bool Bool(int column) { return DatumGetBool(Get(column)); }
  int64 Int8(int column) { return DatumGetInt64(Get(column)); }
  int32 Int4(int column) { return DatumGetInt32(Get(column)); }
  Jsonb* Json(int column) { return DatumGetJsonbPCopy(Get(column)); }

 private:
  HeapTuple row_;
  TupleDesc columns_;
};

constexpr char kSelect[] =
    "SELECT c.name, c.tables, c.actions, c.filter, e.url, c.group_columns,"
    " c.visibility_timeout_ms, coalesce(c.max_deliver, 0), c.backoff_base_ms, c.backoff_max_ms,"
    " coalesce(c.max_in_flight, 0), c.push_batch_size, coalesce(e.timeout_ms, 30000),"
    " coalesce(e.headers, '{}'), c.annotations, c.status, c.columns, c.exclude_columns,"
    " c.table_options, c.number_format, c.publish_via_partition_root, c.include_children,"
    " c.filter_transition, c.fill_unchanged, c.message_prefixes, c.order_mode, c.backoff_ms,"
    " c.mode, c.key_pattern, coalesce(c.stream, 0), coalesce(c.retain_ms, 0),"
    " coalesce(c.retain_bytes, 0)"
    " FROM sequin.consumer c LEFT JOIN sequin.endpoint e ON e.id = c.endpoint WHERE c.id = $1";

void ReadDeclaration(StoredRow row, Declaration* declaration) {
  *declaration = Declaration{};
  declaration->name = row.Text(1);
  declaration->tables = row.Texts(2);
  declaration->actions = row.Texts(3);
  declaration->filter = row.Text(4);
  declaration->push_url = row.Text(5);
  declaration->custom_group = !row.IsNull(6);
  declaration->group_columns = row.Texts(6);
  declaration->visibility_timeout_ms = row.Int8(7);
  declaration->max_deliver = row.Int4(8);
  declaration->backoff_base_ms = row.Int8(9);
  declaration->backoff_max_ms = row.Int8(10);
  declaration->max_in_flight = row.Int4(11);
  declaration->push_batch_size = row.Int4(12);
  declaration->push_timeout_ms = row.Int8(13);
  declaration->push_headers = row.Json(14);
  declaration->annotations = row.Json(15);
  declaration->status = row.Text(16);
  declaration->columns = row.Texts(17);
  declaration->exclude_columns = row.Texts(18);
  declaration->table_options = row.Json(19);
  declaration->number_format = row.Text(20);
  declaration->publish_via_partition_root = row.Bool(21);
  declaration->include_children = row.Bool(22);
  declaration->filter_transition = row.Text(23);
  declaration->fill_unchanged = row.Bool(24);
  declaration->message_prefixes = row.Texts(25);
  declaration->order_mode = row.Text(26);
  declaration->backoff_ms = row.Milliseconds(27);
  declaration->mode = row.Text(28);
  declaration->key_pattern = row.Text(29);
  declaration->stream = row.Int4(30);
  declaration->retain_ms = row.Int8(31);
  declaration->retain_bytes = row.Int8(32);
}

// $1 to $27 of insert and update of sequin.consumer.
void AddColumns(StatementValues* values, const Declaration& declaration) {
  values->Text(declaration.status);
  AddTexts(values, declaration.tables, true);
  AddTexts(values, declaration.actions, true).Text(declaration.filter);
  AddTexts(values, declaration.group_columns, declaration.custom_group)
      .Int8(declaration.visibility_timeout_ms)
      .Limit(declaration.max_deliver)
      .Int8(declaration.backoff_base_ms)
      .Int8(declaration.backoff_max_ms)
      .Limit(declaration.max_in_flight)
      .Int4(declaration.push_batch_size)
      .Json(declaration.annotations);
  AddTexts(values, declaration.columns);
  AddTexts(values, declaration.exclude_columns)
      .Json(declaration.table_options)
      .Text(declaration.number_format)
      .Bool(declaration.publish_via_partition_root)
      .Bool(declaration.include_children)
      .Text(declaration.filter_transition)
      .Bool(declaration.fill_unchanged);
  AddTexts(values, declaration.message_prefixes).Text(declaration.order_mode);
  AddMilliseconds(values, declaration.backoff_ms)
      .Text(declaration.mode)
      .Text(declaration.key_pattern)
      .Limit8(declaration.retain_ms)
      .Limit8(declaration.retain_bytes);
}

}  // namespace

void LockDeclarations() {
  PreventCommandDuringRecovery("changing consumers or streams");
  LockRelationOid(OwnTableOid("consumer"), ShareRowExclusiveLock);
}

void EnsureCapture() {
  StatementValues none;
  RunAsOwner("SELECT sequin.capture_ensure()", none);
}

bool ConsumerExists(const char* name) {
  bool exists = false;
  StatementValues values;
  values.Text(name);
  RunAsOwner("SELECT 1 FROM sequin.consumer WHERE name = $1", values,
             [&](HeapTuple, TupleDesc) { exists = true; });
  return exists;
}

pg_uuid_t* InsertConsumer(const Declaration& declaration, Oid owner) {
  StatementValues values;
  AddColumns(&values, declaration);
  values.Text(declaration.name).Role(owner).Text(Home());
  values.Int4(declaration.stream);
  // A pull consumer has no endpoint: number 0 stands for it here.
  values.Int4(declaration.push_url != nullptr ? InsertEndpoint(declaration) : 0);
  auto* uuid = static_cast<pg_uuid_t*>(palloc(sizeof(pg_uuid_t)));
  RunAsOwner(
      "INSERT INTO sequin.consumer (status, tables, actions, filter, group_columns,"
      " visibility_timeout_ms, max_deliver, backoff_base_ms, backoff_max_ms, max_in_flight,"
      " push_batch_size, annotations, columns, exclude_columns, table_options, number_format,"
      " publish_via_partition_root, include_children, filter_transition, fill_unchanged,"
      " message_prefixes, order_mode, backoff_ms, mode, key_pattern, retain_ms, retain_bytes,"
      " name, owner, home, stream, endpoint)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,"
      " $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, nullif($31, 0),"
      " nullif($32, 0))"
      " RETURNING uuid",
      values, [&](HeapTuple row, TupleDesc columns) {
        bool is_null;
        *uuid = *DatumGetUUIDP(SPI_getbinval(row, columns, 1, &is_null));
      });
  return uuid;
}

Declaration LoadDeclaration(int32 consumer) {
  Declaration declaration{};
  MemoryContext home = CurrentMemoryContext;
  StatementValues values;
  values.Int4(consumer);
  RunAsOwner(kSelect, values, [&](HeapTuple row, TupleDesc columns) {
    InContext(home, [&] { ReadDeclaration(StoredRow(row, columns), &declaration); });
  });
  return declaration;
}

void UpdateConsumer(int32 consumer, const Declaration& declaration, bool activate) {
  StatementValues values;
  AddColumns(&values, declaration);
  values.Int4(consumer).Text(activate ? Home() : nullptr);
  RunAsOwner(
      "UPDATE sequin.consumer SET status = $1, tables = $2, actions = $3, filter = $4,"
      " group_columns = $5, visibility_timeout_ms = $6, max_deliver = $7, backoff_base_ms = $8,"
      " backoff_max_ms = $9, max_in_flight = $10, push_batch_size = $11, annotations = $12,"
      " columns = $13, exclude_columns = $14, table_options = $15, number_format = $16,"
      " publish_via_partition_root = $17, include_children = $18, filter_transition = $19,"
      " fill_unchanged = $20, message_prefixes = $21, order_mode = $22, backoff_ms = $23,"
      " mode = $24, key_pattern = $25, retain_ms = $26, retain_bytes = $27,"
      " home = coalesce($29, home), updated_at = now() WHERE id = $28",
      values);
  if (declaration.push_url == nullptr) return;
  StatementValues endpoint;
  endpoint.Text(declaration.push_url)
      .Json(declaration.push_headers)
      .Int8(declaration.push_timeout_ms)
      .Int4(consumer);
  RunAsOwner(
      "UPDATE sequin.endpoint SET url = $1, headers = $2, timeout_ms = $3, updated_at = now()"
      " WHERE id = (SELECT endpoint FROM sequin.consumer WHERE id = $4)",
      endpoint);
}

void DeleteConsumer(int32 consumer) {
  for (const char* statement : {
           "DELETE FROM sequin.settle WHERE consumer = $1",
           "DELETE FROM sequin.claim WHERE consumer = $1",
           "DELETE FROM sequin.held WHERE consumer = $1",
           "DELETE FROM sequin.dead_letter WHERE consumer = $1",
           "DELETE FROM sequin.log_kept WHERE consumer = $1",
           "DELETE FROM sequin.consumer_gap WHERE consumer = $1",
           "DELETE FROM sequin.gap_consumer WHERE consumer = $1",
           "DELETE FROM sequin.suspension WHERE consumer = $1",
           "DELETE FROM sequin.filter_failure WHERE consumer = $1",
           "WITH gone AS (DELETE FROM sequin.consumer WHERE id = $1 RETURNING endpoint)"
           " DELETE FROM sequin.endpoint WHERE id IN (SELECT endpoint FROM gone)",
       }) {
    ExecuteFor(consumer, statement);
  }
}

void EndSuspension(int32 consumer) {
  ExecuteFor(consumer, "DELETE FROM sequin.suspension WHERE consumer = $1");
}

void RenameConsumer(int32 consumer, const char* name) {
  for (const char* statement : {
           "UPDATE sequin.consumer SET name = $1, updated_at = now() WHERE id = $2",
           "UPDATE sequin.endpoint SET name = $1, updated_at = now()"
           " WHERE id = (SELECT endpoint FROM sequin.consumer WHERE id = $2)",
       }) {
    StatementValues values;
    values.Text(name).Int4(consumer);
    RunAsOwner(statement, values);
  }
}

void InsertGrantee(int32 consumer, Oid role) {
  StatementValues values;
  values.Int4(consumer).Role(role);
  RunAsOwner(
      "INSERT INTO sequin.consumer_grantee (consumer, grantee) VALUES ($1, $2)"
      " ON CONFLICT DO NOTHING",
      values);
}

void DeleteGrantee(int32 consumer, Oid role) {
  StatementValues values;
  values.Int4(consumer).Role(role);
  RunAsOwner("DELETE FROM sequin.consumer_grantee WHERE consumer = $1 AND grantee = $2", values);
}

}  // namespace sequin
