// Reads the command line into settings.
#pragma once

#include <string>
#include <variant>

#include "base/result.h"
#include "config/settings.h"

namespace sequin {

// A command that only prints: --help, --version.
struct PrintCommand {
  std::string text;
};

struct CommandLine {
  std::variant<PrintCommand, AgentSettings, DoctorSettings, ListenSettings> command;
  std::string log_level = "info";
};

// Errors are one line for stderr; the exit status that goes with them is 2.
Result<CommandLine> ParseCommandLine(int argc, const char* const* argv);

}  // namespace sequin
