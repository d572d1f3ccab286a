// Statements run as the owner of the definition tables (owner_statement.h).
#include "catalog/owner_statement.h"

#include "catalog/owner_rights.h"

namespace sequin {

uint64 RunAsOwner(const char* statement, StatementValues* values,
                  void (*read)(void* argument, HeapTuple row, TupleDesc columns), void* argument) {
  uint64 rows = 0;
  AsOwner([&] {
    if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
    SPIPlanPtr plan = SPI_prepare(statement, values->count(), values->types());
    if (plan == nullptr) elog(ERROR, "SPI_prepare: %s", SPI_result_code_string(SPI_result));
    int result = SPI_execute_snapshot(plan, values->values(), values->nulls(), GetLatestSnapshot(),
                                      InvalidSnapshot, false, true, 0);
    if (result < 0) elog(ERROR, "SPI_execute: %s", SPI_result_code_string(result));
    rows = SPI_processed;
    if (rows > 0 && SPI_tuptable != nullptr) {
      read(argument, SPI_tuptable->vals[0], SPI_tuptable->tupdesc);
    }
    SPI_finish();
  });
  return rows;
}

}  // namespace sequin
