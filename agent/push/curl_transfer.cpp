// See curl_transfer.h: what libcurl is told about a request.
#include "push/curl_transfer.h"

#include <algorithm>
#include <utility>

namespace sequin {

namespace {

constexpr long kLowSpeedBytesPerSecond = 16;
// From a mebibyte on, libcurl would ask before it sends the body: "Expect: 100-continue".
constexpr size_t kExpectBytes = 1024UL * 1024;

// Remembers whether every option was taken.
class Options {
 public:
  explicit Options(CURL* easy) : easy_(easy) {}

  template <typename T>
  void Set(CURLoption option, T value) {
    ok_ = ok_ && curl_easy_setopt(easy_, option, value) == CURLE_OK;
  }
  bool ok() const { return ok_; }

 private:
  CURL* easy_;
  bool ok_ = true;
};

}  // namespace

bool CurlTransport::Transfer::Prepare() {
  if (easy == nullptr) return false;
  const CurlSettings& settings = owner->settings_;
  Options options(easy);
  options.Set(CURLOPT_PROTOCOLS_STR, "http,https");
  options.Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  options.Set(CURLOPT_FOLLOWLOCATION, 0L);
  options.Set(CURLOPT_PROXY, settings.proxy.c_str());
  options.Set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  options.Set(CURLOPT_NOSIGNAL, 1L);
  options.Set(CURLOPT_POST, 1L);
  options.Set(CURLOPT_USERAGENT, settings.user_agent.c_str());
  options.Set(CURLOPT_LOW_SPEED_LIMIT, kLowSpeedBytesPerSecond);
  options.Set(CURLOPT_LOW_SPEED_TIME, std::max<long>(1, settings.low_speed_time.count() / 1000));
  options.Set(CURLOPT_ERRORBUFFER, error);
  options.Set(CURLOPT_PRIVATE, this);
  options.Set(CURLOPT_OPENSOCKETFUNCTION, Callbacks::OnOpen);
  options.Set(CURLOPT_OPENSOCKETDATA, this);
  options.Set(CURLOPT_CLOSESOCKETFUNCTION, Callbacks::OnClose);
  options.Set(CURLOPT_CLOSESOCKETDATA, owner);
  options.Set(CURLOPT_HEADERFUNCTION, Callbacks::OnHeader);
  options.Set(CURLOPT_HEADERDATA, this);
  options.Set(CURLOPT_WRITEFUNCTION, Callbacks::OnBody);
  options.Set(CURLOPT_WRITEDATA, this);
  return options.ok();
}

bool CurlTransport::Transfer::Carry(PushRequest&& wanted) {
  request = std::move(wanted);
  error[0] = '\0';
  header_bytes = body_bytes = 0;
  retry_after.reset();
  blocked.reset();
  socket_errno = 0;
  Options options(easy);
  if (target != request.target) {
    target = request.target;
    options.Set(CURLOPT_URL, target->url.c_str());
  }
  ListHeaders();
  const long timeout = std::max<long>(1, request.timeout.count());
  options.Set(CURLOPT_HTTPHEADER, headers.empty() ? nullptr : headers.data());
  options.Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  options.Set(CURLOPT_POSTFIELDS, request.body.c_str());
  options.Set(CURLOPT_TIMEOUT_MS, timeout);
  options.Set(CURLOPT_CONNECTTIMEOUT_MS,
              std::min<long>(timeout, owner->settings_.connect_timeout.count()));
  return options.ok();
}

void CurlTransport::Transfer::ListHeaders() {
  static char no_expect[] = "Expect:";
  headers.clear();
  for (const std::vector<std::string>* lines :
       {&target->headers, &std::as_const(request.headers)}) {
    for (const std::string& line : *lines) {
      headers.push_back({const_cast<char*>(line.c_str()), nullptr});
    }
  }
  if (request.body.size() >= kExpectBytes) headers.push_back({no_expect, nullptr});
  for (size_t i = 1; i < headers.size(); ++i) headers[i - 1].next = &headers[i];
}

}  // namespace sequin
