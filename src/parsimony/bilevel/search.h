// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "parsimony/bilevel/pictures.h"
#include "parsimony/core/context.h"
#include "parsimony/core/rng.h"
#include "parsimony/differentiable/search_options.h"
#include "parsimony/graph/grid_options.h"
#include "parsimony/network/network.h"
#include "parsimony/space/grid_space.h"

namespace parsimony::bilevel {

// What is searched, and how.
struct Design {
  space::GridSpaceOptions space;  // shape of the cell and of the grid
  graph::GridOptions network;     // the final network, beside its genotype
  differentiable::DifferentiableOptions options;
};

// All paths that a grid may have: those of both supernets.
std::vector<space::GridLayer> all_paths(const space::GridSpaceOptions& space);

// What every search is given beside what it searches.
struct Search {
  const Design& design;
  const Pictures& pictures;
  core::Rng rng;
  std::filesystem::path checkpoint;  // written after every epoch; a search that finds it goes on
  const core::Context& context;
  std::string task;                        // "seed 1, cell"
  network::Network::Options network = {};  // how the supernet is computed
};

// What all searches of a design have in common of a checkpoint's signature; `own` is the rest.
std::string signature_of(const Search& search, const std::string& own);

}  // namespace parsimony::bilevel
