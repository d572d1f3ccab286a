// Reads one HTTP/1.1 request from bytes as they come. Boost.Beast does the parsing; this class adds
// the refusals that keep us out of request smuggling: see CheckHead in the .cpp.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/message.h"

namespace sequin {

struct ParserLimits {
  size_t head_bytes_max = 16 * 1024;
  size_t body_bytes_max = 1024 * 1024;
};

class RequestParser {
 public:
  enum class State { kHead, kBody, kDone, kError };

  explicit RequestParser(ParserLimits limits);
  ~RequestParser();

  // Takes bytes up to the end of this request and says how many it took; the rest belongs to the
  // next request. After kError the connection is to be closed: nobody knows where a request starts.
  size_t Feed(std::string_view bytes);

  State state() const { return state_; }
  bool started() const { return !head_.empty() || state_ != State::kHead; }
  // Valid from kBody on: the client waits for "100 Continue" before it sends the body.
  bool expects_continue() const { return expects_continue_; }
  int error_status() const { return error_status_; }
  const std::string& error() const { return error_; }
  HttpRequest Take();

 private:
  struct Beast;

  size_t FeedHead(std::string_view bytes);
  bool EndsHead(std::string_view bytes) const;
  size_t FeedBody(std::string_view bytes);
  void ParseHead();
  bool CheckHead();
  bool Fail(int status, std::string reason);

  ParserLimits limits_;
  State state_ = State::kHead;
  std::string head_;
  std::string partial_;  // bytes of the body that Beast wants to see again with more behind them
  bool expects_continue_ = false;
  int error_status_ = 400;
  std::string error_;
  HttpRequest request_;
  std::unique_ptr<Beast> beast_;
};

}  // namespace sequin
