// Keeps the answer of the current statement in memory until its transaction has ended.
//
// Rows go out while a statement runs, and a client that does not read them stops it. A receive
// holds its consumer's lock until it commits, so such a client would stop all others. Besides, no
// message leaves before its claim is durable.
#pragma once

namespace sequin {

// From now until all locks of this transaction are released nothing is sent to the client. Without
// effect where the answer does not go to a socket.
void KeepAnswerUntilCommit();

void InitAnswerBuffer();

}  // namespace sequin
