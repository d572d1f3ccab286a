// See socket_watcher.h.
#include "loop/socket_watcher.h"

#include <uv.h>

#include <memory>

#include "loop/event_loop.h"

namespace sequin {

struct SocketWatcher::Handle {
  uv_poll_t uv;
  std::shared_ptr<Callback> callback;  // shared: the callback may destroy its watcher
  int events = -1;

  static void OnClosed(uv_handle_t* handle) noexcept { delete static_cast<Handle*>(handle->data); }
  static void OnReady(uv_poll_t* poll, int status, int events) noexcept {
    auto* self = static_cast<Handle*>(poll->data);
    const auto callback = self->callback;
    if (status < 0) {
      // libuv has stopped the handle. Who reads now may get only what came before the error and
      // would never hear of the error itself: the poll is level-triggered, so that he is called
      // again until he lets go of the socket.
      uv_poll_start(poll, self->events, OnReady);
      return (*callback)(SocketReady{true, true});
    }
    (*callback)(SocketReady{(events & UV_READABLE) != 0, (events & UV_WRITABLE) != 0});
  }
};

SocketWatcher::SocketWatcher(EventLoop& loop, int socket, Callback callback) : handle_(new Handle) {
  handle_->callback = std::make_shared<Callback>(std::move(callback));
  uv_poll_init(loop.raw(), &handle_->uv, socket);
  handle_->uv.data = handle_;
}

SocketWatcher::~SocketWatcher() {
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->uv), Handle::OnClosed);
}

void SocketWatcher::Watch(SocketReady interest) {
  const int events = (interest.readable ? UV_READABLE : 0) | (interest.writable ? UV_WRITABLE : 0);
  if (events == handle_->events) return;
  handle_->events = events;
  if (events == 0) {
    uv_poll_stop(&handle_->uv);
  } else {
    uv_poll_start(&handle_->uv, events, Handle::OnReady);
  }
}

}  // namespace sequin
