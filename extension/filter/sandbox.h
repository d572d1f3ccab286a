// Runs what somebody wrote, as somebody, so that nothing is left of it: the session's user,
// settings, snapshot, locks and data are afterwards as they were before.
//
// In a read-only subtransaction that is always rolled back, as a security-restricted operation,
// with the settings of filters, a limit on its time, and a short patience with locks. What a
// rollback does not undo is refused (42501): advisory locks of the session, messages to the WAL
// outside of the transaction.
#pragma once

#include "pg/prelude.h"

namespace sequin {

enum class SandboxEnd {
  kDone,
  kRaised,  // the code failed, or its time was over
  // A lock was not to be had, a deadlock, a serialization failure, a full disk: another time
  // perhaps.
  kConflict,
};

struct SandboxResult {
  SandboxEnd end = SandboxEnd::kDone;
  ErrorData* error = nullptr;  // in the caller's memory context
};

struct SandboxLimits {
  int milliseconds;
  int lock_milliseconds;
};

// A cancel of the user and a statement_timeout are raised, not returned.
SandboxResult RunInSandbox(Oid user, SandboxLimits limits, void (*body)(void*), void* argument);

template <typename Body>
SandboxResult InSandbox(Oid user, SandboxLimits limits, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  return RunInSandbox(
      user, limits, [](void* argument) { (*static_cast<Plain*>(argument))(); }, &body);
}

// ERROR 0A000 inside of a sandbox: for our own functions that change what a rollback does not undo.
void RefuseInSandbox(const char* function);

void InitSandbox();

}  // namespace sequin
