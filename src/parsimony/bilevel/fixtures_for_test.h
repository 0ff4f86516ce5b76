// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/bilevel/cell_relaxation.h"
#include "parsimony/bilevel/path_relaxation.h"
#include "parsimony/bilevel/search.h"
#include "parsimony/network/pixel_classes.h"
#include "parsimony/train/images.h"

namespace parsimony::bilevel::testing {

// A grid of two layers whose cells have two nodes, small enough for finite differences.
inline Design small_design() {
  Design design;
  design.space = {.nodes = 2, .inputs = 1, .layers = 2};
  design.network.filters = 8;
  design.network.cells = 1;
  design.network.head = {.scale_channels = 6, .channels = 8, .dropout = 0};
  design.options.supernet.filters = 4;
  return design;
}

inline const space::GridCell& small_cell() {
  static const space::GridCell cell =
      space::parse_grid_genotype("{cell:[[1,0,sep3],[2,0,dil3],[2,1,skip]],paths:[[0-0]]}").cell;
  return cell;
}

inline network::Network::Options in_doubles() {
  return {.kernels = network::Kernels::kReference, .dtype = at::kDouble};
}

inline CellRelaxation::Design mixed(const Design& design, int classes) {
  return {.paths = all_paths(design.space),
          .cells = {.candidates = {.nodes = design.space.nodes, .inputs = design.space.inputs},
                    .partial_channels = design.options.supernet.partial_channels},
          .network = differentiable::supernet_design(design.network, design.options.supernet),
          .classes = classes,
          .initial_deviation = 0.5};
}

inline PathRelaxation::Design gated(const Design& design, int classes) {
  return {.paths = all_paths(design.space),
          .cell = small_cell(),
          .network = differentiable::gated_design(design.network, design.options, 1),
          .classes = classes,
          .initial_deviation = 0.5};
}

// Pictures of waves, and labels that follow them; a pixel in nine is not labelled.
inline train::Batch waves(std::int64_t pictures, std::int64_t side, int classes, double phase) {
  const Tensor count = at::arange(pictures * 3 * side * side, at::kDouble);
  train::Batch batch;
  batch.pictures = at::sin(count * 0.7 + phase).view({pictures, 3, side, side});
  Tensor labels = (at::arange(pictures * side * side, at::kLong) * 5 / 3 % classes).to(at::kByte);
  labels.masked_fill_(at::arange(pictures * side * side, at::kLong) % 9 == 4, network::kIgnored);
  batch.labels.classes = labels.view({pictures, side, side});
  return batch;
}

}  // namespace parsimony::bilevel::testing
