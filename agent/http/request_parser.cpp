// See request_parser.h. The only file that includes Boost.
#include "http/request_parser.h"

#include <boost/beast/http.hpp>

#include "http/url.h"

namespace sequin {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::asio::const_buffer;

struct RequestParser::Beast {
  http::request_parser<http::string_body> parser;
};

namespace {

// More than any chunk header that is not an attack.
constexpr size_t kPartialMax = 4096;

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

int StatusOf(const beast::error_code& error) {
  if (error == http::error::body_limit) return 413;
  if (error == http::error::header_limit) return 431;
  if (error == http::error::bad_version) return 505;
  return 400;
}

std::string ReasonOf(const beast::error_code& error, const std::string& what) {
  if (error == http::error::body_limit) return "the body is too large";
  return what + error.message();
}

// A head in which a line starts with white space (obs-fold) could be read in two ways.
bool HasFoldedLine(std::string_view head) {
  for (size_t at = head.find('\n'); at != std::string_view::npos; at = head.find('\n', at + 1)) {
    if (at + 1 < head.size() && (head[at + 1] == ' ' || head[at + 1] == '\t')) return true;
  }
  return false;
}

}  // namespace

RequestParser::RequestParser(ParserLimits limits)
    : limits_(limits), beast_(std::make_unique<Beast>()) {
  beast_->parser.header_limit(static_cast<std::uint32_t>(limits_.head_bytes_max + 1));
  beast_->parser.body_limit(limits_.body_bytes_max);
  beast_->parser.eager(false);
}

RequestParser::~RequestParser() = default;

bool RequestParser::Fail(int status, std::string reason) {
  state_ = State::kError;
  error_status_ = status;
  error_ = std::move(reason);
  return false;
}

size_t RequestParser::Feed(std::string_view bytes) {
  size_t taken = 0;
  if (state_ == State::kHead) taken = FeedHead(bytes);
  if (state_ == State::kBody) taken += FeedBody(bytes.substr(taken));
  return taken;
}

size_t RequestParser::FeedHead(std::string_view bytes) {
  const size_t room = limits_.head_bytes_max - head_.size();
  char before = head_.empty() ? '\0' : head_.back();
  for (size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    // Bare LF, bare CR and NUL: other parsers disagree about them, so nobody gets to use them.
    const bool broken_line = (c == '\n') != (before == '\r') || c == '\0';
    if (broken_line) {
      Fail(400, "the request head holds a bare CR, a bare LF or a NUL");
      return i;
    }
    if (i >= room) {
      Fail(431, "the request head is too large");
      return i;
    }
    before = c;
    if (c == '\n' && EndsHead(bytes.substr(0, i + 1))) {
      head_ += bytes.substr(0, i + 1);
      ParseHead();
      return i + 1;
    }
  }
  head_ += bytes;
  return bytes.size();
}

// Whether the head is complete with these bytes behind it, the last of which is an LF.
bool RequestParser::EndsHead(std::string_view bytes) const {
  constexpr std::string_view kEnd = "\r\n\r\n";
  if (bytes.size() >= kEnd.size()) return bytes.ends_with(kEnd);
  const std::string_view missing = kEnd.substr(0, kEnd.size() - bytes.size());
  return head_.ends_with(missing) && kEnd.ends_with(bytes);
}

void RequestParser::ParseHead() {
  if (HasFoldedLine(head_)) {
    Fail(400, "folded header lines are not allowed");
    return;
  }
  beast::error_code error;
  beast_->parser.put(const_buffer(head_.data(), head_.size()), error);
  if (error && error != http::error::need_more) {
    Fail(StatusOf(error), ReasonOf(error, "malformed request: "));
    return;
  }
  if (!beast_->parser.is_header_done()) {
    Fail(400, "malformed request head");
    return;
  }
  if (!CheckHead()) return;
  beast_->parser.eager(true);
  state_ = beast_->parser.is_done() ? State::kDone : State::kBody;
}

bool RequestParser::CheckHead() {
  const auto& message = beast_->parser.get();
  if (message.version() != 10 && message.version() != 11) return Fail(505, "HTTP/1.1 only");
  const size_t hosts = message.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && message.version() == 11)) {
    return Fail(400, "exactly one Host header is needed");
  }
  const size_t encodings = message.count(http::field::transfer_encoding);
  const size_t lengths = message.count(http::field::content_length);
  if (lengths > 1 || (lengths == 1 && encodings > 0)) {
    return Fail(400, "ambiguous length of the body");
  }
  // Beast takes "3, 3" for 3; the next parser behind us might not.
  if (lengths == 1 && !IsNumber(std::string(message[http::field::content_length]))) {
    return Fail(400, "malformed Content-Length");
  }
  if (encodings > 0) {
    const bool plain =
        encodings == 1 && Lower(std::string(message[http::field::transfer_encoding])) == "chunked";
    if (message.version() == 10) return Fail(400, "Transfer-Encoding needs HTTP/1.1");
    if (!plain) return Fail(501, "the only Transfer-Encoding is \"chunked\"");
  }
  auto target = ParseTarget(std::string(message.target()));
  if (!target) return Fail(400, "malformed request target");
  request_.method = std::string(message.method_string());
  request_.path = std::move(target->path);
  request_.query = std::move(target->query);
  // An HTTP/1.0 client that wants to keep the connection would need to be told so; none of ours
  // does.
  request_.keep_alive = message.keep_alive() && message.version() == 11;
  for (const auto& field : message) {
    request_.headers.emplace_back(Lower(std::string(field.name_string())),
                                  std::string(field.value()));
  }
  if (const std::string* expect = request_.Header("expect")) {
    if (Lower(*expect) != "100-continue") return Fail(417, "unknown expectation");
    expects_continue_ = true;
  }
  return true;
}

size_t RequestParser::FeedBody(std::string_view bytes) {
  const size_t had = partial_.size();
  // Most bodies come in one piece: they are parsed where they are.
  if (had > 0) partial_ += bytes;
  const std::string_view all = had > 0 ? std::string_view(partial_) : bytes;
  size_t used = 0;
  while (!beast_->parser.is_done() && used < all.size()) {
    beast::error_code error;
    const size_t count =
        beast_->parser.put(const_buffer(all.data() + used, all.size() - used), error);
    used += count;
    if (error && error != http::error::need_more) {
      Fail(StatusOf(error), ReasonOf(error, "malformed body: "));
      return bytes.size();
    }
    if (count == 0) break;
  }
  if (beast_->parser.is_done()) {
    state_ = State::kDone;
    partial_.clear();
    return used - had;
  }
  partial_ = std::string(all.substr(used));
  if (partial_.size() > kPartialMax) Fail(400, "malformed chunk");
  return bytes.size();
}

HttpRequest RequestParser::Take() {
  request_.body = std::move(beast_->parser.get().body());
  return std::move(request_);
}

}  // namespace sequin
