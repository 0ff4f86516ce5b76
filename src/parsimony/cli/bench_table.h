// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/cli/command.h"

namespace parsimony::cli {

// `bench lut`: its own page because it has its own arguments.
Action declare_bench_table(CLI::App& app);

}  // namespace parsimony::cli
