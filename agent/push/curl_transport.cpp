// See curl_transport.h.
#include "push/curl_transport.h"

#include <spdlog/spdlog.h>

#include <cstring>
#include <utility>

#include "loop/event_loop.h"
#include "push/curl_transfer.h"

namespace sequin {

namespace {

constexpr size_t kSpareMax = 256;

TransportFault FaultOf(CURLcode code) {
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
      return TransportFault::kBadUrl;
    case CURLE_COULDNT_RESOLVE_HOST:
      return TransportFault::kResolve;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
      return TransportFault::kLocal;
    case CURLE_OPERATION_TIMEDOUT:
      return TransportFault::kTimeout;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return TransportFault::kCertificate;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_SHUTDOWN_FAILED:
      return TransportFault::kTls;
    case CURLE_WRITE_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_BAD_CONTENT_ENCODING:
      return TransportFault::kBadResponse;
    default:
      return TransportFault::kConnect;
  }
}

}  // namespace

CurlTransport::CurlTransport(EventLoop& loop, CurlSettings settings)
    : loop_(loop), settings_(std::move(settings)) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  multi_ = curl_multi_init();
  timer_ = loop_.NewAlarm([this] { Act(CURL_SOCKET_TIMEOUT, 0); });
  fail_later_ = loop_.NewAlarm([this] {
    for (auto& [on_reply, reply] : std::exchange(failures_, {})) on_reply(std::move(reply));
  });
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, Callbacks::OnSocket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, Callbacks::OnTimer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS,
                    static_cast<long>(settings_.idle_connections_max));
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
}

CurlTransport::~CurlTransport() {
  for (const auto& transfer : transfers_) curl_multi_remove_handle(multi_, transfer->easy);
  transfers_.clear();
  spare_.clear();
  curl_multi_cleanup(multi_);
  curl_global_cleanup();
}

void CurlTransport::Send(PushRequest request, OnReply on_reply) {
  auto transfer = TakeTransfer();
  if (!transfer || !transfer->Carry(std::move(request)) ||
      curl_multi_add_handle(multi_, transfer->easy) != CURLM_OK) {
    return Fail(std::move(on_reply), {0, TransportFault::kLocal, "cannot set up a request"});
  }
  transfer->on_reply = std::move(on_reply);
  transfer->place = transfers_.size();
  transfers_.push_back(std::move(transfer));
}

std::unique_ptr<CurlTransport::Transfer> CurlTransport::TakeTransfer() {
  if (!spare_.empty()) {
    auto transfer = std::move(spare_.back());
    spare_.pop_back();
    return transfer;
  }
  auto transfer = std::make_unique<Transfer>(*this);
  return transfer->Prepare() ? std::move(transfer) : nullptr;
}

void CurlTransport::WatchSocket(int socket, SocketReady interest) {
  Socket& entry = sockets_[socket];
  if (!entry.watcher) {
    entry.stays = opened_.contains(socket);
    entry.watcher = std::make_unique<SocketWatcher>(
        loop_, socket, [this, socket](SocketReady ready) { OnReady(socket, ready); });
  }
  entry.wanted = true;
  entry.watcher->Watch(interest);
}

void CurlTransport::LetGo(int socket) {
  const auto entry = sockets_.find(socket);
  if (entry == sockets_.end()) return;
  entry->second.wanted = false;
  // A socket of libcurl's own, of its resolver: it may be closed behind our back.
  if (!entry->second.stays) sockets_.erase(entry);
}

void CurlTransport::OnReady(int socket, SocketReady ready) {
  Socket& entry = sockets_.at(socket);
  // The endpoint closed an idle connection: libcurl finds out when it wants to use it.
  if (!entry.wanted) return entry.watcher->Watch({});
  Act(socket, (ready.readable ? CURL_CSELECT_IN : 0) | (ready.writable ? CURL_CSELECT_OUT : 0));
}

void CurlTransport::Act(int socket, int events) {
  int running = 0;
  curl_multi_socket_action(multi_, socket, events, &running);
  FinishDone();
}

void CurlTransport::FinishDone() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    Transfer* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    Finish(*transfer, message->data.result);
  }
}

void CurlTransport::Finish(Transfer& finished, int code) {
  std::unique_ptr<Transfer> transfer = std::exchange(transfers_[finished.place], nullptr);
  if (transfers_.back()) transfers_.back()->place = transfer->place;
  std::swap(transfers_[transfer->place], transfers_.back());
  transfers_.pop_back();
  PushReply reply = ReplyOf(*transfer, code);
  curl_multi_remove_handle(multi_, transfer->easy);
  const OnReply on_reply = std::exchange(transfer->on_reply, nullptr);
  // After trouble a handle may remember things: it is not used again.
  if (code == CURLE_OK && spare_.size() < kSpareMax) {
    transfer->request = {};
    spare_.push_back(std::move(transfer));
  }
  transfer.reset();
  on_reply(std::move(reply));
}

PushReply CurlTransport::ReplyOf(const Transfer& transfer, int code) const {
  PushReply reply;
  long status = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<int>(status);
  reply.retry_after = transfer.retry_after;
  // Cut off by us after the status was known: the answer counts.
  const bool cut = transfer.body_bytes > settings_.response_bytes_max && status >= 200;
  if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && cut)) return reply;
  reply.fault = FaultOf(static_cast<CURLcode>(code));
  reply.detail =
      transfer.error[0] != '\0' ? transfer.error : curl_easy_strerror(static_cast<CURLcode>(code));
  const bool no_socket = code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT;
  if (no_socket && transfer.blocked) {
    reply.fault = TransportFault::kBlockedAddress;
    reply.detail = AddressGuard::Explain(*transfer.blocked);
  } else if (no_socket && transfer.socket_errno != 0) {
    reply.fault = TransportFault::kLocal;
    reply.detail = std::string("cannot open a socket: ") + std::strerror(transfer.socket_errno);
  }
  return reply;
}

void CurlTransport::Fail(OnReply on_reply, PushReply reply) {
  failures_.emplace_back(std::move(on_reply), std::move(reply));
  fail_later_->Set(Millis(0));
}

void CurlTransport::CancelAll() {
  for (auto& transfer : std::exchange(transfers_, {})) {
    curl_multi_remove_handle(multi_, transfer->easy);
    Fail(std::move(transfer->on_reply), {0, TransportFault::kCanceled, "the agent was stopped"});
  }
}

}  // namespace sequin
