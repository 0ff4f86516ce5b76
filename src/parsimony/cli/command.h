// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "parsimony/core/context.h"

namespace parsimony::cli {

// What every command is given beside its own arguments.
struct Environment {
  core::Context context;
  std::string command_line;  // as typed, to be repeated
};

// One verb: declares its arguments on `app` and returns what to do with them. A command parses,
// calls one library function, prints and returns an exit code.
using Action = std::function<int(Environment&)>;
struct Command {
  const char* name;
  const char* summary;
  Action (*declare)(CLI::App& app);
  bool trains = false;  // computes for minutes or hours, with all cores
};

// All verbs, in the order of the help text (table.cpp).
std::span<const Command> commands();

Action declare_synth(CLI::App& app);
Action declare_check(CLI::App& app);
Action declare_import(CLI::App& app);
Action declare_inspect(CLI::App& app);
Action declare_bench(CLI::App& app);
Action declare_plan(CLI::App& app);
Action declare_search(CLI::App& app);
Action declare_status(CLI::App& app);
Action declare_front(CLI::App& app);
Action declare_show(CLI::App& app);
Action declare_train(CLI::App& app);
Action declare_eval(CLI::App& app);
Action declare_predict(CLI::App& app);
Action declare_export(CLI::App& app);
Action declare_report(CLI::App& app);
Action declare_weights(CLI::App& app);

}  // namespace parsimony::cli
