// What a watcher says of a socket whose peer is reset.
#include "loop/socket_watcher.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "loop/event_loop.h"

namespace sequin {
namespace {

struct Pair {
  int ours = -1;
  int peer = -1;
};

Pair ConnectedPair() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(listen(listener, 1), 0);
  EXPECT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  Pair pair;
  pair.ours = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(connect(pair.ours, reinterpret_cast<sockaddr*>(&address), size), 0);
  pair.peer = accept(listener, nullptr, nullptr);
  close(listener);
  return pair;
}

// Closing with SO_LINGER 0 sends RST.
void Reset(int socket) {
  const linger at_once{1, 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close(socket);
}

TEST(SocketWatcher, GoesOnCallingUntilAnErrorWasSeen) {
  EventLoop loop;
  const Pair pair = ConnectedPair();
  Reset(pair.peer);
  int calls = 0;
  std::unique_ptr<SocketWatcher> watcher;
  watcher = std::make_unique<SocketWatcher>(loop, pair.ours, [&](SocketReady ready) {
    EXPECT_TRUE(ready.readable);
    // The first time as a reader does that is content with what it got before the error.
    if (++calls == 1) return;
    char byte;
    EXPECT_LE(read(pair.ours, &byte, 1), 0);
    watcher.reset();
  });
  watcher->Watch(SocketReady{true, false});
  loop.Run();
  EXPECT_EQ(calls, 2);
  close(pair.ours);
}

}  // namespace
}  // namespace sequin
