// The launcher: a static background worker that keeps one capture worker alive for each database
// with a slot of ours, with back-off, and starts those that sequin.start() asks for.
#pragma once

#include "pg/prelude.h"

namespace sequin {

void RegisterLauncher();  // from _PG_init, while preloading

// Makes the worker of a database go away and stay away until ResumeWorker, for utility commands.
// Waits until it is gone. Calls nest.
void SuspendWorker(Oid database);
void ResumeWorker(Oid database);
// What made starts fail may be over: the next one comes at once.
void RetryWorker(Oid database);

}  // namespace sequin
