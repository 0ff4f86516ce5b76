// SPDX-License-Identifier: Apache-2.0
#include "parsimony/space/spaces.h"

#include <cctype>

#include "parsimony/core/error.h"

namespace parsimony::space {
namespace {

SpaceName space_by_form(std::string_view text) {
  int brackets = 0;
  for (const char c : text) {
    if (std::isspace(static_cast<unsigned char>(c)) != 0) continue;
    if (c == '{') return SpaceName::kGrid;
    if (c != '[') break;
    ++brackets;
  }
  if (brackets == 1) return SpaceName::kSupernet;
  return brackets >= 3 ? SpaceName::kTemplateDecoder : SpaceName::kCellDecoder;
}

}  // namespace

SpaceName space_of(const Genotype& genotype) {
  return static_cast<SpaceName>(genotype.index());
}

std::string_view name_of(SpaceName space) {
  return kSpaceNames[static_cast<std::size_t>(space)];
}

Genotype parse_genotype(std::string_view text) {
  return parse_genotype(text, space_by_form(text));
}

Genotype parse_genotype(std::string_view text, SpaceName space) {
  switch (space) {
    case SpaceName::kTemplateDecoder:
      return parse_template_genotype(text);
    case SpaceName::kSupernet:
      return parse_subnetwork(text);
    case SpaceName::kGrid:
      return parse_grid_genotype(text);
    case SpaceName::kCellDecoder:
      break;
  }
  return parse_cell_genotype(text);
}

std::string to_text(const Genotype& genotype) {
  return std::visit([](const auto& of_space) { return to_text(of_space); }, genotype);
}

int encoder_taps(SpaceName space) {
  switch (space) {
    case SpaceName::kTemplateDecoder:
      return kTemplateTaps;
    case SpaceName::kSupernet:
    case SpaceName::kGrid:
      return 0;
    case SpaceName::kCellDecoder:
      break;
  }
  return kEncoderTaps;
}

void SpaceOptions::visit(core::FieldVisitor& v) {
  v.choice("name", name, kSpaceNames, {"which search space; the options below are its own"});
  if (name == SpaceName::kTemplateDecoder) templates.visit(v);
  if (name == SpaceName::kCellDecoder) cells.visit(v);
  if (name == SpaceName::kGrid) grids.visit(v);
}

std::unique_ptr<const SearchSpace> make_space(const SpaceOptions& options) {
  switch (options.name) {
    case SpaceName::kTemplateDecoder:
      return std::make_unique<TemplateSpace>(options.templates);
    case SpaceName::kGrid:
      return std::make_unique<GridSpace>(options.grids);
    case SpaceName::kSupernet:
      core::throw_internal_error("the space of a supernet is made of the supernet");
    case SpaceName::kCellDecoder:
      break;
  }
  return std::make_unique<CellSpace>(options.cells);
}

}  // namespace parsimony::space
