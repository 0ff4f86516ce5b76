// SPDX-License-Identifier: Apache-2.0
#include "parsimony/cli/application.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>

#include "parsimony/cli/command.h"
#include "parsimony/cli/terminal.h"
#include "parsimony/core/error.h"
#include "parsimony/core/parallel.h"
#include "parsimony/core/text.h"
#include "parsimony/deploy/version.h"
#include "parsimony/network/device.h"
#include "parsimony/network/tensor_memory.h"
#include "parsimony/network/threads.h"

namespace parsimony::cli {
namespace {

// Signal handlers can reach nothing but globals; this one only ever points at the StopFlag of
// run().
core::StopFlag* stop_on_signal = nullptr;

// The first Ctrl-C asks for a clean stop, the second ends the program at once.
void handle_signal(int signal) {
  if (stop_on_signal == nullptr || stop_on_signal->requested()) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
    return;
  }
  stop_on_signal->request();
}

std::string quote(const std::string& word) {
  const bool plain =
      !word.empty() && word.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                           "-_./=:,+@%") == std::string::npos;
  if (plain) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string command_line(int argc, char** argv) {
  std::string text = "parsimony";
  for (int i = 1; i < argc; ++i) text += " " + quote(argv[i]);
  return text;
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App app(
      "Parsimony searches compact dense-prediction networks: labelled pictures and a budget in, a Pareto\n"
      "front of trained, exported, measured networks out. Start with: parsimony search configs/quickstart.yaml",
      "parsimony");
  app.set_version_flag("--version", std::string(deploy::version()));
  app.require_subcommand(1);
  app.fallthrough();
  bool quiet = false;
  int threads = core::available_cores();
  app.add_flag("-q,--quiet", quiet, "no progress, only warnings");
  app.add_option("--threads", threads, "cores to keep busy")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  std::string device = "auto";
  app.add_option("--device", device, "where networks are trained: cpu, cuda, cuda:N or auto")
      ->capture_default_str();

  struct Verb {
    Action action;
    bool trains;
  };
  std::map<const CLI::App*, Verb> verbs;
  for (const Command& command : commands()) {
    CLI::App* verb = app.add_subcommand(command.name, command.summary);
    verbs[verb] = {command.declare(*verb), command.trains};
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUserError;
  }

  const Verb& verb = verbs.at(app.get_subcommands().front());
  if (verb.trains) network::limit_spinning(argv);
  network::keep_tensor_memory();
  core::StopFlag stop;
  stop_on_signal = &stop;
  std::signal(SIGINT, handle_signal);
  std::signal(SIGTERM, handle_signal);
  Terminal terminal(quiet);
  Environment environment{{terminal, terminal, stop, threads}, command_line(argc, argv)};
  network::set_threads(threads);
  int code = kInternalError;
  try {
    environment.context.device = network::device_of(device).str();
    code = verb.action(environment);
  } catch (const core::Error& error) {
    const bool users = error.kind() == core::ErrorKind::kUser;
    terminal.line(core::LogLevel::kWarning,
                  users ? error.what() : fmt::format("internal error: {}", error.what()));
    code = users ? kUserError : kInternalError;
  } catch (const std::exception& error) {
    terminal.line(core::LogLevel::kWarning, fmt::format("internal error: {}", error.what()));
  }
  stop_on_signal = nullptr;
  return code;
}

}  // namespace parsimony::cli
