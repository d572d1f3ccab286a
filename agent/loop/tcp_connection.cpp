// The connected half of tcp.h.
#include <uv.h>

#include <array>

#include "loop/event_loop.h"
#include "loop/tcp.h"
#include "loop/tcp_handles.h"

namespace sequin {

namespace {

struct WriteRequest {
  uv_write_t uv;
  std::string head;
  std::string body;
  std::function<void(bool)> done;
};

void OnWritten(uv_write_t* request, int status) noexcept {
  const std::unique_ptr<WriteRequest> write(static_cast<WriteRequest*>(request->data));
  const bool ending = static_cast<EventLoop*>(request->handle->loop->data)->ending();
  if (write->done && !ending) write->done(status == 0);
}

// One buffer serves all reads: libuv asks for it immediately before it hands it over.
void OnAllocate(uv_handle_t*, size_t, uv_buf_t* buffer) noexcept {
  static std::array<char, 65536> bytes;
  *buffer = uv_buf_init(bytes.data(), bytes.size());
}

void OnShutdown(uv_shutdown_t* request, int) noexcept {
  delete request;
}

}  // namespace

void TcpConnection::Handle::OnRead(uv_stream_t* stream, ssize_t count,
                                   const uv_buf_t* buffer) noexcept {
  auto* handle = static_cast<Handle*>(stream->data);
  const auto events = handle->events;
  if (count > 0) return events->on_data({buffer->base, static_cast<size_t>(count)});
  if (count == 0) return;
  uv_read_stop(stream);
  events->on_end();
}

void TcpConnection::Handle::OnClosed(uv_handle_t* handle) noexcept {
  delete static_cast<Handle*>(handle->data);
}

TcpConnection::TcpConnection(Handle* handle) : handle_(handle) {}

TcpConnection::~TcpConnection() {
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->uv), Handle::OnClosed);
}

void TcpConnection::Start(Events events) {
  handle_->events = std::make_shared<Events>(std::move(events));
  ResumeReading();
}

void TcpConnection::PauseReading() {
  uv_read_stop(reinterpret_cast<uv_stream_t*>(&handle_->uv));
}

void TcpConnection::ResumeReading() {
  uv_read_start(reinterpret_cast<uv_stream_t*>(&handle_->uv), OnAllocate, Handle::OnRead);
}

void TcpConnection::Write(std::string head, std::string body, std::function<void(bool)> done) {
  auto* write = new WriteRequest{{}, std::move(head), std::move(body), std::move(done)};
  write->uv.data = write;
  const uv_buf_t parts[2] = {
      uv_buf_init(write->head.data(), static_cast<unsigned>(write->head.size())),
      uv_buf_init(write->body.data(), static_cast<unsigned>(write->body.size()))};
  const int status = uv_write(&write->uv, reinterpret_cast<uv_stream_t*>(&handle_->uv), parts,
                              write->body.empty() ? 1 : 2, OnWritten);
  if (status == 0) return;
  const std::unique_ptr<WriteRequest> failed(write);
  if (failed->done) failed->done(false);
}

void TcpConnection::ShutdownSending() {
  auto* request = new uv_shutdown_t;
  if (uv_shutdown(request, reinterpret_cast<uv_stream_t*>(&handle_->uv), OnShutdown) != 0) {
    delete request;
  }
}

const IpAddress& TcpConnection::peer() const {
  return handle_->peer;
}

}  // namespace sequin
