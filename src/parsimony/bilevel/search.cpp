// SPDX-License-Identifier: Apache-2.0
#include "parsimony/bilevel/search.h"

#include <fmt/format.h>

#include "parsimony/core/config.h"
#include "parsimony/core/files.h"

namespace parsimony::bilevel {

std::vector<space::GridLayer> all_paths(const space::GridSpaceOptions& space) {
  std::vector<space::GridLayer> paths;
  for (int layer = 1; layer <= space.layers; ++layer)
    paths.push_back(space::possible_edges(space.rules, layer));
  return paths;
}

std::string signature_of(const Search& search, const std::string& own) {
  const Design& design = search.design;
  const differentiable::DifferentiableOptions& options = design.options;
  return core::sha256(core::to_yaml(design.space) + core::to_yaml(design.network) +
                      core::to_yaml(options.supernet) + core::to_yaml(options.augment) + own +
                      fmt::format("{} {} {} {} {} {}",
                                  options.validate_every,
                                  options.calibration,
                                  search.pictures.weights.size(),
                                  search.pictures.architecture.size(),
                                  search.pictures.validation.size(),
                                  search.rng.state()));
}

}  // namespace parsimony::bilevel
