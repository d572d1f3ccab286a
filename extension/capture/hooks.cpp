// Hooks into every backend: a commit wakes the capture worker, and commands that need a database
// without other sessions send the worker away for their length.
#include "capture/hooks.h"

#include "capture/launcher.h"
#include "capture/shared_state.h"
#include "pg/own_writes.h"
#include "wake/wake.h"

namespace sequin {

static ProcessUtility_hook_type previous_utility = nullptr;
static object_access_hook_type previous_object_access = nullptr;
static bool extension_dropped = false;  // by the current transaction
static bool extension_updated = false;  // likewise
static bool wrote_only_own = false;     // the transaction that is committing

// ---- commits ---------------------------------------------------------------------------------

static void RaiseTo(pg_atomic_uint64* atomic, uint64 value) {
  uint64 seen = pg_atomic_read_u64(atomic);
  while (seen < value && !pg_atomic_compare_exchange_u64(atomic, &seen, value)) {
  }
}

static void WakeCapture() {
  DatabaseState* state = FindDatabase(MyDatabaseId, false);
  if (state == nullptr) return;
  XLogRecPtr end = XactLastCommitEnd;
  if (!XLogRecPtrIsInvalid(end)) {
    RaiseTo(&state->last_commit, end);
    if (synchronous_commit == SYNCHRONOUS_COMMIT_OFF) RaiseTo(&state->async_commit, end);
  }
  // Pairs with the barrier between "sleeping := 1" and the worker's last look at the WAL.
  pg_memory_barrier();
  if (pg_atomic_read_u32(&state->sleeping) != 0) WakeWorker(state);
}

// At XACT_EVENT_COMMIT the transaction has left the procarray: what the worker finds is visible.
// Claims and acks do not wake it: a signal for each of them was an eighth of what they cost.
static void AtCommit(XactEvent event, void*) {
  if (event == XACT_EVENT_PRE_COMMIT) {
    wrote_only_own = WroteOnlyOwn();
  } else if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_PARALLEL_COMMIT) {
    bool own_write = replorigin_session_origin == DoNotReplicateId || wrote_only_own;
    wrote_only_own = false;
    if (!own_write && TransactionIdIsValid(GetTopTransactionIdIfAny())) WakeCapture();
    if (extension_dropped) {
      extension_dropped = false;
      WakeLauncher();
      if (DatabaseState* state = FindDatabase(MyDatabaseId, false)) {
        pg_atomic_write_u32(&state->extension_check, 1);
        WakeWorker(state);
      }
    }
    // The worker of the version that the library has was waiting for it (pg/version.h).
    if (extension_updated) RetryWorker(MyDatabaseId);
    extension_updated = false;
  } else if (event == XACT_EVENT_ABORT) {
    extension_dropped = extension_updated = wrote_only_own = false;
  }
}

// DROP EXTENSION by whatever way (CASCADE of a schema or an owner too): the worker finds the
// extension gone, drops its slot and leaves.
static void OnObjectAccess(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id,
                           void* arg) {
  if (previous_object_access) previous_object_access(access, class_id, object_id, sub_id, arg);
  if (access == OAT_DROP && class_id == ExtensionRelationId &&
      object_id == get_extension_oid("sequin", true)) {
    extension_dropped = true;
  }
}

// ---- utility commands ------------------------------------------------------------------------

// The database whose worker must be away while the statement runs; InvalidOid: none.
static Oid DatabaseInTheWay(Node* statement) {
  const char* name = nullptr;
  switch (nodeTag(statement)) {
    case T_DropdbStmt:
      name = reinterpret_cast<DropdbStmt*>(statement)->dbname;
      break;
    case T_RenameStmt: {
      auto* rename = reinterpret_cast<RenameStmt*>(statement);
      if (rename->renameType == OBJECT_DATABASE) name = rename->subname;
      break;
    }
    case T_AlterDatabaseStmt: {
      auto* alter = reinterpret_cast<AlterDatabaseStmt*>(statement);
      ListCell* cell;
      foreach (cell, alter->options) {
        if (strcmp(lfirst_node(DefElem, cell)->defname, "tablespace") == 0) name = alter->dbname;
      }
      break;
    }
    case T_CreatedbStmt: {
      auto* create = reinterpret_cast<CreatedbStmt*>(statement);
      name = "template1";
      ListCell* cell;
      foreach (cell, create->options) {
        DefElem* option = lfirst_node(DefElem, cell);
        if (strcmp(option->defname, "template") == 0 && option->arg) name = defGetString(option);
      }
      break;
    }
    default:
      break;
  }
  Oid database = name ? get_database_oid(name, true) : InvalidOid;
  // Who may not do it must not be able to disturb capture by trying.
  bool may = OidIsValid(database) &&
             (IsA(statement, CreatedbStmt) ? have_createdb_privilege()
                                           : pg_database_ownercheck(database, GetUserId()));
  return may ? database : InvalidOid;
}

// DROP EXTENSION locks our tables one by one, in an order of its own: it and a worker that is
// writing would wait for each other.
static bool DropsExtension(Node* statement) {
  if (!IsA(statement, DropStmt)) return false;
  auto* drop = reinterpret_cast<DropStmt*>(statement);
  if (drop->removeType != OBJECT_EXTENSION && drop->removeType != OBJECT_SCHEMA) return false;
  ListCell* cell;
  foreach (cell, drop->objects) {
    if (strcmp(strVal(lfirst(cell)), "sequin") != 0) continue;
    Oid extension = get_extension_oid("sequin", true);
    return OidIsValid(extension) && pg_extension_ownercheck(extension, GetUserId());
  }
  return false;
}

static bool UpdatesExtension(Node* statement) {
  return IsA(statement, AlterExtensionStmt) &&
         strcmp(reinterpret_cast<AlterExtensionStmt*>(statement)->extname, "sequin") == 0;
}

// COMMIT PREPARED commits in a transaction of its own that has no xid: AtCommit sees nothing. Which
// consumers it has settled messages of, was forgotten with the session that prepared it.
static void AfterPrepared(TransactionStmtKind kind) {
  if (kind != TRANS_STMT_COMMIT_PREPARED && kind != TRANS_STMT_ROLLBACK_PREPARED) return;
  WakeEverybody();
  if (kind == TRANS_STMT_COMMIT_PREPARED) WakeCapture();
}

static void OnUtility(PlannedStmt* planned, const char* text, bool read_only_tree,
                      ProcessUtilityContext context, ParamListInfo params, QueryEnvironment* env,
                      DestReceiver* destination, QueryCompletion* completion) {
  auto run = [&] {
    auto next = previous_utility ? previous_utility : standard_ProcessUtility;
    next(planned, text, read_only_tree, context, params, env, destination, completion);
  };
  Node* statement = planned->utilityStmt;
  Oid database = DatabaseInTheWay(statement);
  if (database == MyDatabaseId) database = InvalidOid;
  if (DropsExtension(statement)) database = MyDatabaseId;
  if (OidIsValid(database) && FindDatabase(database, false)) {
    SuspendWorker(database);
    // After DROP DATABASE the launcher finds no slot any more and forgets the record. After DROP
    // EXTENSION the worker waits for the end of the transaction and sees what became of it.
    WithCleanup(run, [&](bool) { ResumeWorker(database); });
  } else {
    run();
  }
  if (UpdatesExtension(statement)) extension_updated = true;
  if (IsA(statement, TransactionStmt)) {
    AfterPrepared(reinterpret_cast<TransactionStmt*>(statement)->kind);
  }
}

void InstallHooks() {
  RegisterXactCallback(AtCommit, nullptr);
  previous_utility = ProcessUtility_hook;
  ProcessUtility_hook = OnUtility;
  previous_object_access = object_access_hook;
  object_access_hook = OnObjectAccess;
}

}  // namespace sequin
