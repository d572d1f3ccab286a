// SQL statements on the definition tables, run as their owner. The caller's rights are checked
// before.
#pragma once

#include "pg/memory.h"
#include "pg/table.h"

namespace sequin {

// Values of a statement's $1, $2, …
class StatementValues {
 public:
  StatementValues& Add(Oid type, Datum value, bool is_null = false) {
    if (count_ == kMost) elog(ERROR, "too many values");
    types_[count_] = type;
    values_[count_] = value;
    nulls_[count_++] = is_null ? 'n' : ' ';
    return *this;
  }
  // nullptr is NULL.
  StatementValues& Text(const char* value) {
    return Add(TEXTOID, value ? CStringGetTextDatum(value) : Datum{0}, value == nullptr);
  }
  StatementValues& Uuid(const pg_uuid_t* value) { return Add(UUIDOID, UUIDPGetDatum(value)); }
  StatementValues& Bool(bool value) { return Add(BOOLOID, BoolGetDatum(value)); }
  StatementValues& Int4(int32 value) { return Add(INT4OID, Int32GetDatum(value)); }
  StatementValues& Int8(int64 value) { return Add(INT8OID, Int64GetDatum(value)); }
  // Limits are stored as NULL when there is none.
  StatementValues& Limit(int32 value) { return Add(INT4OID, Int32GetDatum(value), value == 0); }
  StatementValues& Limit8(int64 value) { return Add(INT8OID, Int64GetDatum(value), value == 0); }
  StatementValues& Json(const Jsonb* value) { return Add(JSONBOID, PointerGetDatum(value)); }
  StatementValues& Role(Oid role) { return Add(REGROLEOID, ObjectIdGetDatum(role)); }

  int count() const { return count_; }
  Oid* types() { return types_; }
  Datum* values() { return values_; }
  const char* nulls() const { return nulls_; }

 private:
  static constexpr int kMost = 40;

  int count_ = 0;
  Oid types_[kMost];
  Datum values_[kMost];
  char nulls_[kMost];
};

// Runs one statement and hands its first row, if there is one, to `read(row, columns)`; the number
// of its rows. It sees the newest committed rows under every isolation level. An ERROR leaves user
// and settings to the (sub)transaction that it aborts.
uint64 RunAsOwner(const char* statement, StatementValues* values,
                  void (*read)(void* argument, HeapTuple row, TupleDesc columns), void* argument);

template <typename Read>
uint64 RunAsOwner(const char* statement, StatementValues& values, Read&& read) {
  using Plain = std::remove_reference_t<Read>;
  return RunAsOwner(
      statement, &values,
      [](void* argument, HeapTuple row, TupleDesc columns) {
        (*static_cast<Plain*>(argument))(row, columns);
      },
      &read);
}

inline uint64 RunAsOwner(const char* statement, StatementValues& values) {
  return RunAsOwner(
      statement, &values, [](void*, HeapTuple, TupleDesc) {}, nullptr);
}

}  // namespace sequin
