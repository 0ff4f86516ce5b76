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
}

std::unique_ptr<const SearchSpace> make_decoder_space(const SpaceOptions& options) {
  core::require(options.name != SpaceName::kSupernet, "the space of a supernet is not of decoders");
  if (options.name == SpaceName::kTemplateDecoder)
    return std::make_unique<TemplateSpace>(options.templates);
  return std::make_unique<CellSpace>(options.cells);
}

}  // namespace parsimony::space
