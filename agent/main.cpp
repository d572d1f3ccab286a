// The program `sequin`: one command line, three commands.
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>

#include "app/agent.h"
#include "config/command_line.h"
#include "doctor/doctor.h"
#include "listen/receiver.h"

namespace {

constexpr int kBadUsage = 2;

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

int Run(sequin::CommandLine& line) {
  return std::visit(
      Overloaded{
          [](const sequin::PrintCommand& print) {
            fmt::print("{}\n", print.text);
            return 0;
          },
          [](sequin::AgentSettings& settings) { return sequin::Agent(std::move(settings)).Run(); },
          [](const sequin::DoctorSettings& settings) { return sequin::RunDoctor(settings); },
          [](sequin::ListenSettings& settings) {
            return sequin::Receiver(std::move(settings)).Run();
          }},
      line.command);
}

}  // namespace

int main(int argc, char** argv) {
  auto line = sequin::ParseCommandLine(argc, argv);
  if (!line.ok()) {
    fmt::print(stderr, "sequin: {}\n", line.error().message);
    return kBadUsage;
  }
  spdlog::set_default_logger(spdlog::stderr_color_st("sequin"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  spdlog::set_level(spdlog::level::from_str(line.value().log_level));
  return Run(line.value());
}
