// Answers that wait for their commit (answer_buffer.h): the server's own functions for the socket,
// with those in their place that never wait. The send buffer grows to what the answer needs.
#include "queue/answer_buffer.h"

#include "pg/prelude.h"

// As in libpq/libpq.h, which cannot be included where the headers of GSSAPI are not installed.
extern "C" {
typedef struct {
  void (*comm_reset)(void);
  int (*flush)(void);
  int (*flush_if_writable)(void);
  bool (*is_send_pending)(void);
  int (*putmessage)(char type, const char* bytes, size_t size);
  void (*putmessage_noblock)(char type, const char* bytes, size_t size);
} PQcommMethods;
extern const PGDLLIMPORT PQcommMethods* PqCommMethods;
}

namespace sequin {
namespace {

const PQcommMethods* socket_methods = nullptr;  // while the answer is kept
size_t kept_bytes = 0;

// The send buffer is one block, which cannot have more than 1 GB.
constexpr size_t kKeptBytesMax = size_t{960} * 1024 * 1024;

void Keep(char type, const char* bytes, size_t size) {
  kept_bytes += size + 5;
  // Whatever else is said, an error above all, has room behind it.
  if (type == 'D' && kept_bytes > kKeptBytesMax) {
    ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
            errmsg("the answer has more than %zu bytes", kKeptBytesMax),
            errhint("Receive fewer messages at once, or give max_bytes."));
  }
  // It calls through PqCommMethods in turn.
  const PQcommMethods* keeping = PqCommMethods;
  PqCommMethods = socket_methods;
  socket_methods->putmessage_noblock(type, bytes, size);
  PqCommMethods = keeping;
}

int KeepMessage(char type, const char* bytes, size_t size) {
  Keep(type, bytes, size);
  return 0;
}

void Reset() {
  socket_methods->comm_reset();
}

int FlushNothing() {
  return 0;
}

bool IsSendPending() {
  return socket_methods->is_send_pending();
}

const PQcommMethods kKeepingMethods = {Reset,         FlushNothing, FlushNothing,
                                       IsSendPending, KeepMessage,  Keep};

// Called at the end of commit and of abort.
void SendAgain(ResourceReleasePhase phase, bool, bool is_top_level, void*) {
  if (socket_methods == nullptr || phase != RESOURCE_RELEASE_AFTER_LOCKS || !is_top_level) return;
  PqCommMethods = socket_methods;
  socket_methods = nullptr;
}

}  // namespace

void KeepAnswerUntilCommit() {
  if (socket_methods != nullptr || MyProcPort == nullptr) return;
  if (whereToSendOutput != DestRemote && whereToSendOutput != DestRemoteExecute) return;
  socket_methods = PqCommMethods;
  kept_bytes = 0;
  PqCommMethods = &kKeepingMethods;
}

void InitAnswerBuffer() {
  RegisterResourceReleaseCallback(SendAgain, nullptr);
}

}  // namespace sequin
