// SPDX-License-Identifier: Apache-2.0
#include "parsimony/cli/architecture.h"

#include <algorithm>
#include <cstdio>

#include "parsimony/core/config.h"
#include "parsimony/core/error.h"

namespace parsimony::cli {
namespace {

// PASCAL VOC's, for which the published costs are stated.
constexpr int kVocClasses = 21;

}  // namespace

void declare_architecture(CLI::App& app, ArchitectureArguments& arguments) {
  app.add_option(
         "--space",
         arguments.space,
         "cell-decoder, template-decoder, supernet or grid; otherwise the one whose form the text "
         "has")
      ->check(CLI::IsMember(
          std::vector<std::string>(space::kSpaceNames.begin(), space::kSpaceNames.end())));
  app.add_option(
         "--set",
         arguments.settings,
         "NAME=VALUE: width, repeats, classes, auxiliary_cells, encoder.name, encoder.width, "
         "supernet.backbone, grid.filters, ...")
      ->allow_extra_args(false);
  app.add_option("--input", arguments.input, "HEIGHTxWIDTH of the picture")->capture_default_str();
}

graph::NetworkDescription description_of(const ArchitectureArguments& arguments) {
  core::Config config = core::Config::from_text("{}", "--set");
  for (const std::string& setting : arguments.settings) config.set(setting);
  graph::NetworkDescription description{.classes = kVocClasses};
  config.read_into(description);
  return description;
}

space::Genotype genotype_of(const std::string& text, const ArchitectureArguments& arguments) {
  if (arguments.space.empty()) return space::parse_genotype(text);
  const auto found =
      std::find(space::kSpaceNames.begin(), space::kSpaceNames.end(), arguments.space);
  return space::parse_genotype(text,
                               static_cast<space::SpaceName>(found - space::kSpaceNames.begin()));
}

graph::Size size_of(const std::string& input) {
  graph::Size size;
  char rest = 0;
  if (std::sscanf(input.c_str(), "%ldx%ld%c", &size.height, &size.width, &rest) != 2 ||
      size.height < 1 || size.width < 1) {
    core::throw_user_error("--input {}: expected HEIGHTxWIDTH in pixels, for example 512x512",
                           input);
  }
  return size;
}

}  // namespace parsimony::cli
