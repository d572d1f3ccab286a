// Scope functions for transactions: what an ERROR does to them is written here and nowhere else.
#pragma once

#include "pg/prelude.h"

namespace sequin {

// Runs `body(argument)` in an internal subtransaction. On ERROR the subtransaction is rolled back
// and the error is returned, allocated in the caller's memory context; nullptr means it committed.
// FATAL and process exit pass through. PG_TRY is used in transaction.cpp only.
ErrorData* RunInSubtransaction(void (*body)(void*), void* argument, bool keep);

template <typename Body>
ErrorData* InSubtransaction(Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  return RunInSubtransaction([](void* arg) { (*static_cast<Plain*>(arg))(); }, &body, true);
}

// The same, but rolled back in any case: for evaluations that must leave no trace.
template <typename Body>
ErrorData* InRolledBackSubtransaction(Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  return RunInSubtransaction([](void* arg) { (*static_cast<Plain*>(arg))(); }, &body, false);
}

// An error of the server's own condition (a full disk, no room, an administrator) goes away; others
// would come again.
bool MayPass(const ErrorData* error);

// Runs `body(argument)` and `cleanup(argument, failed)` after it, also when it raises; the error
// then goes on.
void RunWithCleanup(void (*body)(void*), void* argument, void (*cleanup)(void*, bool failed));

template <typename Body, typename Cleanup>
void WithCleanup(Body&& body, Cleanup&& cleanup) {
  struct Both {
    std::remove_reference_t<Body>* body;
    std::remove_reference_t<Cleanup>* cleanup;
  } both{&body, &cleanup};
  RunWithCleanup([](void* arg) { (*static_cast<Both*>(arg)->body)(); }, &both,
                 [](void* arg, bool failed) { (*static_cast<Both*>(arg)->cleanup)(failed); });
}

// Runs `body` without the event triggers of the database, but those that are ENABLE ALWAYS: they
// are about the DDL of its users, and an error of theirs would stop capture. An ERROR leaves the
// setting to the transaction that it aborts.
template <typename Body>
void WithoutEventTriggers(Body&& body) {
  int nest_level = NewGUCNestLevel();
  set_config_option("session_replication_role", "replica", PGC_SUSET, PGC_S_SESSION,
                    GUC_ACTION_SAVE, true, 0, false);
  body();
  AtEOXact_GUC(true, nest_level);
}

// For background workers: a whole transaction. On ERROR it is rolled back and the error is
// returned, allocated in the caller's memory context, which must outlive transactions; nullptr:
// committed.
ErrorData* RunTransaction(void (*body)(void*), void* argument);

template <typename Body>
ErrorData* TryTransaction(Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  return RunTransaction([](void* arg) { (*static_cast<Plain*>(arg))(); }, &body);
}

// For background workers: one whole transaction with an active snapshot. An ERROR leaves to the
// worker's top level, which ends the process.
template <typename Body>
void InTransaction(Body&& body) {
  SetCurrentStatementStartTimestamp();
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  body();
  PopActiveSnapshot();
  CommitTransactionCommand();
}

}  // namespace sequin
