// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "parsimony/core/rng.h"
#include "parsimony/graph/graph.h"
#include "parsimony/graph/grid_options.h"

// Networks to test exports with.
namespace parsimony::deploy::testing {

// Published genotypes of the cell space.
inline constexpr std::string_view kArch0 =
    "[[8,[0,0,5,2],[0,2,8,8],[0,5,1,4]],[[3,3],[3,2],[3,0]]]";
inline constexpr std::string_view kArch1 =
    "[[2,[1,0,3,6],[0,1,2,8],[2,0,6,1]],[[2,3],[3,1],[4,4]]]";
inline constexpr std::string_view kHelenL =
    "[[5,[1,0,3,5],[1,0,10,10],[6,6,0,10]],[[1,0],[4,2],[3,2],[0,2],[1,4]]]";

// Published genotypes of the template space.
inline constexpr std::string_view kTemplates0 =
    "[[[3,0,1],[4,1,1],[3,1,1]],"
    "[[0,1,0,0,1],[2,1,2,1,0],[3,1,1,1,0],[1,1,2,0,0],[3,0,2,0,0],[5,3,2,1,0],[0,5,0,1,0]]]";
inline constexpr std::string_view kTemplates1 =
    "[[[1,1,0],[1,3,0],[3,4,0]],"
    "[[1,1,0,0,0],[0,1,1,1,1],[3,1,2,3,0],[3,0,2,2,0],[0,1,2,0,0],[2,1,1,3,0],[4,0,2,2,0]]]";

// A network of the cell space; `encoder` by name, decoder of the given width.
graph::Graph cell_network(std::string_view genotype,
                          std::string_view encoder,
                          int width,
                          int classes);

// A network of the template space; `encoder` by name.
graph::Graph template_network(std::string_view genotype, std::string_view encoder, int classes);

// Cell and paths with all that decoded grids can have, on two inputs of the cell.
inline constexpr std::string_view kGrid =
    "{cell:[[2,0,sep3],[2,1,avg3],[3,1,dil5],[3,2,skip],[4,0,max3],[4,3,sep5],[5,2,dil3],[5,4,skip]],"
    "paths:[[0-0,0-1],[0-0,0-1,1-1,1-2],[0-0,1-0,1-1,2-1,2-2]]}";

// A network of the grid space.
graph::Graph grid_network(std::string_view genotype,
                          const graph::GridOptions& options,
                          int classes);

// `layers` random layers of all kinds on a picture of the given size, behind each other and across,
// then a classifier for `classes` classes.
graph::Graph random_network(core::Rng rng, int layers, int classes, graph::Size picture);

}  // namespace parsimony::deploy::testing
