// See curl_transport.h.
#include "push/curl_transport.h"

#include <spdlog/spdlog.h>

#include <cstring>
#include <utility>

#include "loop/event_loop.h"
#include "loop/socket_watcher.h"
#include "push/curl_transfer.h"

namespace sequin {

namespace {

constexpr size_t kSpareMax = 256;
constexpr long kLowSpeedBytesPerSecond = 16;

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
  for (auto& [easy, transfer] : transfers_) {
    curl_multi_remove_handle(multi_, easy);
    curl_easy_cleanup(easy);
  }
  for (void* easy : spare_) curl_easy_cleanup(easy);
  curl_multi_cleanup(multi_);
  curl_global_cleanup();
}

void CurlTransport::Send(PushRequest request, OnReply on_reply) {
  auto transfer = std::make_unique<Transfer>();
  transfer->owner = this;
  transfer->request = std::move(request);
  transfer->on_reply = std::move(on_reply);
  if (spare_.empty()) {
    transfer->easy = curl_easy_init();
  } else {
    transfer->easy = spare_.back();
    spare_.pop_back();
  }
  CURL* const easy = transfer->easy;
  if (!Configure(*transfer) || curl_multi_add_handle(multi_, easy) != CURLM_OK) {
    OnReply failed = std::move(transfer->on_reply);
    curl_easy_cleanup(easy);
    return Fail(std::move(failed), {0, TransportFault::kLocal, "cannot set up a request"});
  }
  transfers_.emplace(easy, std::move(transfer));
}

bool CurlTransport::Configure(Transfer& transfer) {
  CURL* const easy = transfer.easy;
  for (const std::string& line : transfer.request.headers) {
    transfer.headers = curl_slist_append(transfer.headers, line.c_str());
  }
  // No "Expect: 100-continue": it would cost a round trip for every larger message.
  transfer.headers = curl_slist_append(transfer.headers, "Expect:");
  const long timeout = std::max<long>(1, transfer.request.timeout.count());
  const long connect_timeout = std::min<long>(timeout, settings_.connect_timeout.count());
  const long low_speed_seconds = std::max<long>(1, settings_.low_speed_time.count() / 1000);
  bool ok = true;
  const auto set = [&](CURLoption option, auto value) {
    ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK;
  };
  set(CURLOPT_URL, transfer.request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROXY, settings_.proxy.c_str());
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_POST, 1L);
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(transfer.request.body.size()));
  set(CURLOPT_POSTFIELDS, transfer.request.body.c_str());
  set(CURLOPT_HTTPHEADER, transfer.headers);
  set(CURLOPT_USERAGENT, settings_.user_agent.c_str());
  set(CURLOPT_TIMEOUT_MS, timeout);
  set(CURLOPT_CONNECTTIMEOUT_MS, connect_timeout);
  set(CURLOPT_LOW_SPEED_LIMIT, kLowSpeedBytesPerSecond);
  set(CURLOPT_LOW_SPEED_TIME, low_speed_seconds);
  set(CURLOPT_ERRORBUFFER, transfer.error);
  set(CURLOPT_OPENSOCKETFUNCTION, Callbacks::OnOpen);
  set(CURLOPT_OPENSOCKETDATA, &transfer);
  set(CURLOPT_HEADERFUNCTION, Callbacks::OnHeader);
  set(CURLOPT_HEADERDATA, &transfer);
  set(CURLOPT_WRITEFUNCTION, Callbacks::OnBody);
  set(CURLOPT_WRITEDATA, &transfer);
  return ok;
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
    const auto found = transfers_.find(message->easy_handle);
    if (found == transfers_.end()) continue;
    Finish(found->second.get(), message->data.result);
  }
}

void CurlTransport::Finish(Transfer* finished, int code) {
  const auto node = transfers_.extract(finished->easy);
  const std::unique_ptr<Transfer> transfer = std::move(node.mapped());
  PushReply reply = ReplyOf(*transfer, code);
  curl_multi_remove_handle(multi_, transfer->easy);
  if (spare_.size() < kSpareMax) {
    curl_easy_reset(transfer->easy);
    spare_.push_back(transfer->easy);
  } else {
    curl_easy_cleanup(transfer->easy);
  }
  transfer->on_reply(std::move(reply));
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
  for (auto& [easy, transfer] : std::exchange(transfers_, {})) {
    curl_multi_remove_handle(multi_, easy);
    curl_easy_cleanup(easy);
    Fail(std::move(transfer->on_reply), {0, TransportFault::kCanceled, "the agent was stopped"});
  }
}

}  // namespace sequin
