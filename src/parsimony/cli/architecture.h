// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "parsimony/core/fields.h"
#include "parsimony/graph/lower.h"

namespace parsimony::cli {

// What commands that look at single architectures are told on the command line, beside genotypes.
struct ArchitectureArguments {
  std::string space;                  // empty: the one whose form a genotype has
  std::string input = "512x512";      // HEIGHTxWIDTH of the picture
  std::vector<std::string> settings;  // NAME=VALUE of graph::NetworkDescription
};
void declare_architecture(CLI::App& app, ArchitectureArguments& arguments);

// User errors name the option.
graph::NetworkDescription description_of(const ArchitectureArguments& arguments);
space::Genotype genotype_of(const std::string& text, const ArchitectureArguments& arguments);
graph::Size size_of(const std::string& input);  // "512x512"

}  // namespace parsimony::cli
