// All of the server's headers, inside extern "C", and every switch on the server's version.
// Only this file includes them; C++ standard headers come before it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

// We hide symbols by default; what the server looks up by name is marked so (as of 16 by itself).
#define PGDLLEXPORT __attribute__((visibility("default")))

extern "C" {
#include <postgres.h>
// The C fallbacks of these macros do not compile as C++ and break LSN_FORMAT_ARGS.
#undef AssertVariableIsOfType
#undef AssertVariableIsOfTypeMacro
#define AssertVariableIsOfType(varname, typename) ((void)0)
#define AssertVariableIsOfTypeMacro(varname, typename) ((void)0)

#include <access/brin.h>
#include <access/detoast.h>
#include <access/genam.h>
#include <access/heapam.h>
#include <access/htup_details.h>
#include <access/multixact.h>
#include <access/relation.h>
#include <access/skey.h>
#include <access/stratnum.h>
#include <access/table.h>
#include <access/tableam.h>
#include <access/timeline.h>
#include <access/toast_compression.h>
#include <access/transam.h>
#include <access/xact.h>
#include <access/xlog.h>
#include <access/xlog_internal.h>
#include <access/xlogreader.h>
#include <access/xlogrecovery.h>
#include <access/xlogutils.h>
#include <catalog/catalog.h>
#include <catalog/dependency.h>
#include <catalog/index.h>
#include <catalog/indexing.h>
#include <catalog/namespace.h>
#include <catalog/objectaccess.h>
#include <catalog/objectaddress.h>
#include <catalog/partition.h>
#include <catalog/pg_am.h>
#include <catalog/pg_authid.h>
#include <catalog/pg_class.h>
#include <catalog/pg_collation.h>
#include <catalog/pg_control.h>
#include <catalog/pg_database.h>
#include <catalog/pg_extension.h>
#include <catalog/pg_index.h>
#include <catalog/pg_inherits.h>
#include <catalog/pg_language.h>
#include <catalog/pg_namespace.h>
#include <catalog/pg_operator.h>
#include <catalog/pg_proc.h>
#include <catalog/pg_type.h>
#include <commands/async.h>
#include <commands/dbcommands.h>
#include <commands/defrem.h>
#include <commands/extension.h>
#include <commands/sequence.h>
#include <common/shortest_dec.h>
#include <executor/executor.h>
#include <executor/spi.h>
#include <executor/tuptable.h>
#include <fmgr.h>
#include <funcapi.h>
#include <lib/ilist.h>
#include <lib/stringinfo.h>
#include <libpq/pqsignal.h>
#include <mb/pg_wchar.h>
#include <miscadmin.h>
#include <nodes/makefuncs.h>
#include <nodes/nodeFuncs.h>
#include <nodes/params.h>
#include <optimizer/optimizer.h>
#include <optimizer/plancat.h>
#include <parser/analyze.h>
#include <parser/parse_clause.h>
#include <parser/parse_coerce.h>
#include <parser/parse_collate.h>
#include <parser/parse_expr.h>
#include <parser/parse_func.h>
#include <parser/parse_node.h>
#include <parser/parse_relation.h>
#include <parser/parse_type.h>
#include <parser/parser.h>
#include <parser/parsetree.h>
#include <pgstat.h>
#include <pgtime.h>
#include <port/atomics.h>
#include <postmaster/bgworker.h>
#include <postmaster/interrupt.h>
#include <replication/decode.h>
#include <replication/logical.h>
#include <replication/message.h>
#include <replication/origin.h>
#include <replication/output_plugin.h>
#include <replication/reorderbuffer.h>
#include <replication/slot.h>
#include <replication/snapbuild.h>
#include <replication/walsender.h>
#include <rewrite/rewriteHandler.h>
#include <rewrite/rewriteManip.h>
#include <storage/buffile.h>
#include <storage/bufmgr.h>
#include <storage/condition_variable.h>
#include <storage/fd.h>
#include <storage/ipc.h>
#include <storage/latch.h>
#include <storage/lmgr.h>
#include <storage/lock.h>
#include <storage/lwlock.h>
#include <storage/proc.h>
#include <storage/procarray.h>
#include <storage/shmem.h>
#include <storage/sinval.h>
#include <storage/spin.h>
#include <storage/standby.h>
#include <tcop/pquery.h>
#include <tcop/tcopprot.h>
#include <tcop/utility.h>
#include <utils/acl.h>
#include <utils/array.h>
#include <utils/arrayaccess.h>
#include <utils/builtins.h>
#include <utils/bytea.h>
#include <utils/cash.h>
#include <utils/catcache.h>
#include <utils/date.h>
#include <utils/datetime.h>
#include <utils/datum.h>
#include <utils/fmgroids.h>
#include <utils/fmgrprotos.h>
#include <utils/guc.h>
#include <utils/hsearch.h>
#include <utils/inval.h>
#include <utils/json.h>
#include <utils/jsonb.h>
#include <utils/lsyscache.h>
#include <utils/memutils.h>
#include <utils/numeric.h>
#include <utils/pg_lsn.h>
#include <utils/plancache.h>
#include <utils/ps_status.h>
#include <utils/regproc.h>
#include <utils/rel.h>
#include <utils/resowner.h>
#include <utils/rls.h>
#include <utils/snapmgr.h>
#include <utils/syscache.h>
#include <utils/timeout.h>
#include <utils/timestamp.h>
#include <utils/typcache.h>
#include <utils/uuid.h>
#include <utils/varlena.h>
#include <utils/wait_event.h>
}

#if PG_VERSION_NUM < 160000
// As of 16 the macro exports the function itself, too.
#undef PG_FUNCTION_INFO_V1
#define PG_FUNCTION_INFO_V1(funcname)                                             \
  extern PGDLLEXPORT Datum funcname(PG_FUNCTION_ARGS);                            \
  extern PGDLLEXPORT const Pg_finfo_record* CppConcat(pg_finfo_, funcname)(void); \
  const Pg_finfo_record* CppConcat(pg_finfo_, funcname)(void) {                   \
    static const Pg_finfo_record my_finfo = {1};                                  \
    return &my_finfo;                                                             \
  }                                                                               \
  extern int no_such_variable
#endif

// Infinite intervals came with 17.
#if PG_VERSION_NUM < 170000
#define INTERVAL_NOT_FINITE(interval) false
#endif

// The code is written in the terms of 15. Where a later server asks for more arguments, an overload
// with 15's gives what 15 did; where it has no such name any more, the name is defined here.
#if PG_VERSION_NUM >= 160000
inline AclResult pg_namespace_aclcheck(Oid schema, Oid role, AclMode mode) {
  return object_aclcheck(NamespaceRelationId, schema, role, mode);
}

inline AclResult pg_proc_aclcheck(Oid function, Oid role, AclMode mode) {
  return object_aclcheck(ProcedureRelationId, function, role, mode);
}

inline AclResult pg_type_aclcheck(Oid type, Oid role, AclMode mode) {
  return object_aclcheck(TypeRelationId, type, role, mode);
}

inline bool pg_class_ownercheck(Oid table, Oid role) {
  return object_ownercheck(RelationRelationId, table, role);
}

inline bool pg_database_ownercheck(Oid database, Oid role) {
  return object_ownercheck(DatabaseRelationId, database, role);
}

inline bool pg_extension_ownercheck(Oid extension, Oid role) {
  return object_ownercheck(ExtensionRelationId, extension, role);
}

// Which kinds of indexes need an entry is for tables with summarizing ones (BRIN).
inline void simple_heap_update(Relation table, ItemPointer tid, HeapTuple tuple) {
  TU_UpdateIndexes indexes;
  simple_heap_update(table, tid, tuple, &indexes);
}
#endif

#if PG_VERSION_NUM >= 170000
// With the argument that flushes.
#define F_PG_LOGICAL_EMIT_MESSAGE_BOOL_TEXT_TEXT F_PG_LOGICAL_EMIT_MESSAGE_BOOL_TEXT_TEXT_BOOL
#define F_PG_LOGICAL_EMIT_MESSAGE_BOOL_TEXT_BYTEA F_PG_LOGICAL_EMIT_MESSAGE_BOOL_TEXT_BYTEA_BOOL

// A slot that is neither synchronized to standbys nor from a primary.
inline void ReplicationSlotCreate(const char* name, bool db_specific,
                                  ReplicationSlotPersistency persistency, bool two_phase) {
  ReplicationSlotCreate(name, db_specific, persistency, two_phase, false, false);
}

// Not flushed before the commit.
inline XLogRecPtr LogLogicalMessage(const char* prefix, const char* message, size_t size,
                                    bool transactional) {
  return LogLogicalMessage(prefix, message, size, transactional, false);
}
#endif

#if PG_VERSION_NUM < 170000
// What an index keeps from one entry to the next.
inline void index_insert_cleanup(Relation, IndexInfo*) {}
#endif

#if PG_VERSION_NUM >= 180000
// Also a slot that is invalid: see SlotIsInvalid.
inline void ReplicationSlotAcquire(const char* name, bool nowait) {
  ReplicationSlotAcquire(name, nowait, false);
}

inline Oid RelationGetPrimaryKeyIndex(Relation table) {
  return RelationGetPrimaryKeyIndex(table, false);
}

inline IndexScanDesc index_beginscan(Relation table, Relation index, Snapshot snapshot,
                                     int key_count, int order_by_count) {
  return index_beginscan(table, index, snapshot, nullptr, key_count, order_by_count);
}

inline void ExecutorRun(QueryDesc* query, ScanDirection direction, uint64 rows, bool) {
  ExecutorRun(query, direction, rows);
}
#endif

namespace sequin {

// The tuple of a change as the reorder buffer hands it out; nullptr stays nullptr.
#if PG_VERSION_NUM >= 170000
inline HeapTuple TupleOf(HeapTuple tuple) {
  return tuple;
}
#else
inline HeapTuple TupleOf(ReorderBufferTupleBuf* buffer) {
  return buffer ? &buffer->tuple : nullptr;
}
#endif

// Where this process is in ProcGlobal->allProcs.
inline int OwnProcNumber() {
#if PG_VERSION_NUM >= 170000
  return MyProcNumber;
#else
  return MyProc->pgprocno;
#endif
}

// What an operator is in an ordering operator family.
inline constexpr int kNotEqualStrategy = 6;  // after the strategies of btrees
#if PG_VERSION_NUM >= 180000
using OperatorReading = OpIndexInterpretation;
inline List* OperatorReadings(Oid op) {
  return get_op_index_interpretation(op);
}
inline int StrategyOf(const OperatorReading& reading) {
  return reading.cmptype;
}
#else
using OperatorReading = OpBtreeInterpretation;
inline List* OperatorReadings(Oid op) {
  return get_op_btree_interpretation(op);
}
inline int StrategyOf(const OperatorReading& reading) {
  return reading.strategy;
}
#endif

// attgenerated of columns whose values are nowhere stored; as of 18, and never seen before.
inline constexpr char kGeneratedVirtual = 'v';

// Puts the expressions of such columns in the place of references to them: in those of `tree` to
// row `row`, which is one of `relation`.
inline Node* ExpandVirtualColumns(Node* tree, [[maybe_unused]] Relation relation,
                                  [[maybe_unused]] int row) {
#if PG_VERSION_NUM >= 180000
  return expand_generated_columns_in_expr(tree, relation, row);
#else
  return tree;
#endif
}

// The columns that a query reads of the table with that number, as numbers above
// FirstLowInvalidHeapAttributeNumber. The executor asks for no rights to that table any more.
inline Bitmapset* TakeReadColumns(Query* query, int number) {
  RangeTblEntry* table = rt_fetch(number, query->rtable);
#if PG_VERSION_NUM >= 160000
  RTEPermissionInfo* rights = getRTEPermissionInfo(query->rteperminfos, table);
#else
  RangeTblEntry* rights = table;
#endif
  rights->requiredPerms = 0;
  return rights->selectedCols;
}

// The server gave the slot up: the WAL or the rows it needs may be gone. nullptr: it did not.
inline const char* WhySlotIsInvalid(const ReplicationSlot* slot) {
#if PG_VERSION_NUM >= 160000
  switch (slot->data.invalidated) {
    case RS_INVAL_NONE:
      break;
    case RS_INVAL_WAL_REMOVED:
      return "the replication slot kept more WAL than max_slot_wal_keep_size allows";
    case RS_INVAL_HORIZON:
      return "the server removed rows of its catalogs that the replication slot needed";
    case RS_INVAL_WAL_LEVEL:
      return "the replication slot was invalidated because of wal_level";
    default:
      return "the replication slot was invalidated because it was idle";
  }
#endif
  if (!XLogRecPtrIsInvalid(slot->data.restart_lsn)) return nullptr;
  return "the replication slot kept more WAL than max_slot_wal_keep_size allows";
}

}  // namespace sequin

// Postgres and gettext define these as macros; they collide with C++ names.
#undef _
#undef gettext
#undef snprintf
#undef vsnprintf
#undef sprintf
#undef printf
#undef fprintf
#undef strerror
