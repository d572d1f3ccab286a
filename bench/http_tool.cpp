// bench_http: the bare sides of the end-to-end measurements.
//
//   bench_http post URL --body-file FILE --requests N --concurrency C
//     The ceiling of webhooks: the agent's own libcurl transport posts the same body N times, C at
//     a time, with the headers of a webhook, and no queue behind it.
//   bench_http pull URL --batch B --messages N
//     A pull client that costs next to nothing: receives and acks until it has N messages. Does not
//     parse what it gets but for the ack_ids. URL: …/api/http_pull_consumers/<name>
//   bench_http serve ADDRESS:PORT --body-file FILE
//     The ceiling of pull: the agent's own HTTP server, which answers each POST …/receive with the
//     file and everything else with {"success":true}. Runs until SIGTERM.
//
// post and pull print one number: requests or messages per second.
#include <curl/curl.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "http/server.h"
#include "loop/event_loop.h"
#include "loop/signal_watcher.h"
#include "push/curl_transport.h"
#include "push/webhook.h"

namespace {

using sequin::Cidr;
using sequin::PushReply;
using sequin::PushRequest;
using sequin::PushTarget;

double Seconds(std::chrono::steady_clock::time_point from) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// ---- post --------------------------------------------------------------------------------------

struct PostOptions {
  std::string url;
  std::string body_file;
  long requests = 20000;
  long concurrency = 64;
};

class Poster {
 public:
  explicit Poster(const PostOptions& options)
      : options_(options), body_(ReadFile(options.body_file)), transport_(loop_, Settings()) {
    sequin::ConsumerInfo consumer;
    consumer.url = options.url;
    target_ = sequin::TargetOf(consumer);
  }

  double Run() {
    const auto began = std::chrono::steady_clock::now();
    for (long i = 0; i < options_.concurrency; i++) SendNext();
    loop_.Run();
    if (failed_ > 0) throw std::runtime_error(std::to_string(failed_) + " requests failed");
    return static_cast<double>(options_.requests) / Seconds(began);
  }

 private:
  static sequin::CurlSettings Settings() {
    sequin::CurlSettings settings;
    settings.guard = sequin::AddressGuard({*sequin::ParseCidr("127.0.0.0/8")});
    return settings;
  }

  void SendNext() {
    if (sent_ == options_.requests) return;
    sent_++;
    // With all that a webhook has, as the agent sends it.
    sequin::Message message{"", body_, {}, 1, "bench-0123456789ab-" + std::to_string(sent_)};
    PushRequest request = sequin::BuildWebhook(target_, false, {&message, 1}, loop_.WallNow());
    transport_.Send(std::move(request), [this](const PushReply& reply) {
      failed_ += reply.status == 200 ? 0 : 1;
      if (++answered_ == options_.requests) return loop_.Stop();
      SendNext();
    });
  }

  PostOptions options_;
  std::string body_;
  std::shared_ptr<const PushTarget> target_;
  sequin::EventLoop loop_;
  sequin::CurlTransport transport_;
  long sent_ = 0, answered_ = 0, failed_ = 0;
};

// ---- pull --------------------------------------------------------------------------------------

struct PullOptions {
  std::string url;
  long batch = 100;
  long messages = 100000;
};

size_t Append(char* data, size_t size, size_t count, void* to) {
  static_cast<std::string*>(to)->append(data, size * count);
  return size * count;
}

class Puller {
 public:
  explicit Puller(const PullOptions& options) : options_(options), curl_(curl_easy_init()) {
    curl_slist* headers = curl_slist_append(nullptr, "Content-Type: application/json");
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, Append);
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &answer_);
    curl_easy_setopt(curl_, CURLOPT_PROXY, "");
    curl_easy_setopt(curl_, CURLOPT_TCP_NODELAY, 1L);
  }
  ~Puller() { curl_easy_cleanup(curl_); }
  Puller(const Puller&) = delete;
  Puller& operator=(const Puller&) = delete;

  double Run() {
    const std::string wanted = "{\"batch_size\":" + std::to_string(options_.batch) + "}";
    const auto began = std::chrono::steady_clock::now();
    long got = 0;
    while (got < options_.messages) {
      Post("/receive", wanted);
      const long count = CollectAckIds();
      if (count == 0) throw std::runtime_error("the consumer has no more messages");
      got += count;
      Post("/ack", ids_);
    }
    return static_cast<double>(got) / Seconds(began);
  }

 private:
  void Post(const char* path, const std::string& body) {
    answer_.clear();
    curl_easy_setopt(curl_, CURLOPT_URL, (options_.url + path).c_str());
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    const CURLcode code = curl_easy_perform(curl_);
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 200) throw std::runtime_error("no answer 200: " + answer_);
  }

  // Into `ids_`, the body of an ack.
  long CollectAckIds() {
    static constexpr std::string_view kName = "\"ack_id\":\"";
    static constexpr size_t kUuid = 36;
    ids_ = "{\"ack_ids\":[";
    long count = 0;
    for (size_t at = answer_.find(kName); at != std::string::npos; at = answer_.find(kName, at)) {
      at += kName.size();
      ids_ += count++ == 0 ? "\"" : ",\"";
      ids_.append(answer_, at, kUuid);
      ids_ += '"';
    }
    ids_ += "]}";
    return count;
  }

  PullOptions options_;
  CURL* curl_;
  std::string answer_, ids_;
};

// ---- serve -------------------------------------------------------------------------------------

struct ServeOptions {
  std::string listen;
  std::string body_file;
};

void Serve(const ServeOptions& options) {
  const auto endpoint = sequin::ParseEndpoint(options.listen);
  if (!endpoint) throw std::runtime_error("not ADDRESS:PORT: " + options.listen);
  const std::string batch = ReadFile(options.body_file);
  sequin::EventLoop loop;
  sequin::HttpServer server(
      loop, {}, [&](const sequin::HttpRequest& request, const sequin::ExchangePtr& exchange) {
        const bool receive = !request.path.empty() && request.path.back() == "receive";
        exchange->Respond({200, receive ? batch : "{\"success\":true}"});
      });
  const sequin::Status listening = server.Listen(*endpoint);
  if (!listening.ok()) throw std::runtime_error(listening.error().message);
  const sequin::SignalWatcher on_term(loop, SIGTERM, [&] { loop.Stop(); });
  loop.Run();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The bare sides of the end-to-end measurements", "bench_http"};
  PostOptions post;
  CLI::App* posting = app.add_subcommand("post", "POST one body again and again");
  posting->add_option("url", post.url)->required();
  posting->add_option("--body-file", post.body_file)->required();
  posting->add_option("--requests", post.requests)->check(CLI::PositiveNumber);
  posting->add_option("--concurrency", post.concurrency)->check(CLI::PositiveNumber);
  PullOptions pull;
  CLI::App* pulling = app.add_subcommand("pull", "Receive and ack over HTTP");
  pulling->add_option("url", pull.url)->required();
  pulling->add_option("--batch", pull.batch)->check(CLI::Range(1, 1000));
  pulling->add_option("--messages", pull.messages)->check(CLI::PositiveNumber);
  ServeOptions serve;
  CLI::App* serving = app.add_subcommand("serve", "Answer every receive with one body");
  serving->add_option("listen", serve.listen)->required();
  serving->add_option("--body-file", serve.body_file)->required();
  app.require_subcommand(1);
  CLI11_PARSE(app, argc, argv);
  try {
    if (*serving) {
      Serve(serve);
    } else {
      std::printf("%.1f\n", *posting ? Poster(post).Run() : Puller(pull).Run());
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_http: %s\n", error.what());
    return 1;
  }
}
