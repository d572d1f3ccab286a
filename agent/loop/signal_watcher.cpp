// See signal_watcher.h. A watcher alone does not keep the loop running.
#include "loop/signal_watcher.h"

#include <uv.h>

#include "loop/event_loop.h"

namespace sequin {

struct SignalWatcher::Handle {
  uv_signal_t uv;
  std::function<void()> callback;

  static void OnClosed(uv_handle_t* handle) noexcept { delete static_cast<Handle*>(handle->data); }
  static void OnSignal(uv_signal_t* signal, int) noexcept {
    static_cast<Handle*>(signal->data)->callback();
  }
};

SignalWatcher::SignalWatcher(EventLoop& loop, int signal, std::function<void()> callback)
    : handle_(new Handle) {
  handle_->callback = std::move(callback);
  uv_signal_init(loop.raw(), &handle_->uv);
  handle_->uv.data = handle_;
  uv_signal_start(&handle_->uv, Handle::OnSignal, signal);
  uv_unref(reinterpret_cast<uv_handle_t*>(&handle_->uv));
}

SignalWatcher::~SignalWatcher() {
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->uv), Handle::OnClosed);
}

}  // namespace sequin
