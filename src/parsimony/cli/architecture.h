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
  std::vector<std::string> settings;  // NAME=VALUE of ArchitectureOptions
};
void declare_architecture(CLI::App& app, ArchitectureArguments& arguments);

// Everything beside the genotype that decides what a network looks like.
struct ArchitectureOptions {
  graph::EncoderOptions encoder;
  graph::DecoderOptions decoder;
  int classes = 21;
  void visit(core::FieldVisitor& v);
};

// User errors name the option.
ArchitectureOptions architecture_options(const ArchitectureArguments& arguments);
space::Genotype genotype_of(const std::string& text, const ArchitectureArguments& arguments);
graph::Size size_of(const std::string& input);  // "512x512"

}  // namespace parsimony::cli
