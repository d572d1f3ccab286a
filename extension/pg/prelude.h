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
#include <catalog/pg_authid.h>
#include <catalog/pg_class.h>
#include <catalog/pg_collation.h>
#include <catalog/pg_control.h>
#include <catalog/pg_database.h>
#include <catalog/pg_extension.h>
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
#include <optimizer/optimizer.h>
#include <parser/parse_clause.h>
#include <parser/parse_coerce.h>
#include <parser/parse_collate.h>
#include <parser/parse_expr.h>
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
#include <utils/guc.h>
#include <utils/hsearch.h>
#include <utils/inval.h>
#include <utils/json.h>
#include <utils/jsonb.h>
#include <utils/lsyscache.h>
#include <utils/memutils.h>
#include <utils/numeric.h>
#include <utils/pg_lsn.h>
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

// As of 16 one function checks the rights to all kinds of objects.
#if PG_VERSION_NUM >= 160000
#define pg_namespace_aclcheck(oid, role, mode) object_aclcheck(NamespaceRelationId, oid, role, mode)
#endif

// Postgres and gettext define these as macros; they collide with C++ names.
#undef _
#undef gettext
#undef snprintf
#undef vsnprintf
#undef sprintf
#undef printf
#undef fprintf
#undef strerror
