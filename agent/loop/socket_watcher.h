// Tells when a socket that another library owns (libpq, libcurl) can be read or written.
#pragma once

#include <functional>

namespace sequin {

class EventLoop;

struct SocketReady {
  bool readable = false;
  bool writable = false;
};

class SocketWatcher {
 public:
  using Callback = std::function<void(SocketReady)>;

  // The socket must stay open until this object is destroyed. An error on the socket is reported
  // as readable and writable: the owning library then meets the error itself.
  SocketWatcher(EventLoop& loop, int socket, Callback callback);
  ~SocketWatcher();
  SocketWatcher(const SocketWatcher&) = delete;
  SocketWatcher& operator=(const SocketWatcher&) = delete;

  void Watch(SocketReady interest);

 private:
  struct Handle;
  Handle* handle_;
};

}  // namespace sequin
