// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "parsimony/space/cell.h"
#include "parsimony/space/grid_space.h"
#include "parsimony/space/subnetwork.h"
#include "parsimony/space/templates.h"

namespace parsimony::space {

// All search spaces by name, and a genotype of any of them. Searches see a SearchSpace; what turns
// genotypes into networks sees a Genotype.
enum class SpaceName { kCellDecoder, kTemplateDecoder, kSupernet, kGrid };
inline constexpr std::array<std::string_view, 4> kSpaceNames = {
    "cell-decoder", "template-decoder", "supernet", "grid"};

// In the order of SpaceName.
using Genotype = std::variant<CellGenotype, TemplateGenotype, Subnetwork, GridGenotype>;

SpaceName space_of(const Genotype& genotype);
std::string_view name_of(SpaceName space);

// Reads the text form of a space; without one, of the space whose form the text has: templates
// begin with three brackets, cells with two, parts of a supernet with one, grids with a brace. User
// errors as for the spaces' own forms.
Genotype parse_genotype(std::string_view text);
Genotype parse_genotype(std::string_view text, SpaceName space);
std::string to_text(const Genotype& genotype);

// Taps of the encoder that decoders of the space can read, from the finest on; of whole networks,
// as supernets and grids are, none.
int encoder_taps(SpaceName space);

struct SpaceOptions {
  SpaceName name = SpaceName::kCellDecoder;
  CellSpaceOptions cells;          // of the cell space
  TemplateSpaceOptions templates;  // of the template space
  GridSpaceOptions grids;          // of the grid space
  void visit(core::FieldVisitor& v);
};
// Of all spaces but that of a supernet, which needs the supernet (supernet/space.h).
std::unique_ptr<const SearchSpace> make_space(const SpaceOptions& options);

}  // namespace parsimony::space
