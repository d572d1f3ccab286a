// Functions that hold the lock of a consumer commit what they did by themselves: a client that
// thinks must not keep others from their messages.
#pragma once

#include "pg/prelude.h"

namespace sequin {

// ERROR 25001 in a transaction block, in a function, in a statement that writes, 25006 where
// nothing can be written. What the statement did commits at its end, also in a pipeline. The
// function must return a set.
void RequireOwnStatement(FunctionCallInfo call, const char* function);
// Whether it would let the call through.
bool IsOwnStatement(FunctionCallInfo call);

}  // namespace sequin
