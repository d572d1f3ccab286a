// `sequin listen`: a webhook receiver for development. Writes down what it gets, and can play an
// endpoint that is slow or refuses.
#pragma once

#include <memory>
#include <string>

#include "config/settings.h"
#include "http/server.h"
#include "loop/event_loop.h"

namespace sequin {

class Receiver {
 public:
  explicit Receiver(ListenSettings settings);
  ~Receiver();

  // Runs until SIGTERM or SIGINT; the exit status.
  int Run();

 private:
  void OnRequest(HttpRequest request, ExchangePtr exchange);
  void Answer(const ExchangePtr& exchange, HttpResponse response);
  // False: not written, so not received.
  bool Record(const std::string& lines);
  void ShowProgress();

  ListenSettings settings_;
  EventLoop loop_;
  HttpServer server_;
  int file_ = -1;
  bool terminal_ = false;
  unsigned long received_ = 0;
  unsigned long shown_ = 0;
  std::unique_ptr<Alarm> progress_;
};

}  // namespace sequin
