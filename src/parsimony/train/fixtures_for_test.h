// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "parsimony/data/synth.h"
#include "parsimony/graph/cell_decoder.h"
#include "parsimony/graph/simplify.h"

namespace parsimony::train {

// Synthetic pictures of 64 x 64 with 8 classes.
inline std::vector<data::Sample> portraits(std::int64_t count) {
  data::SynthOptions options;
  options.train = count;
  options.val = options.test = 1;
  options.width = options.height = 64;
  const data::MemoryDataset dataset = data::make_synthetic_dataset(options, 2);
  std::vector<data::Sample> samples;
  for (std::int64_t i = 0; i < count; ++i) samples.push_back(dataset.read(data::Split::kTrain, i));
  return samples;
}

// A genotype of the cell space on the smallest encoder, as it is trained.
inline graph::Graph small_network(std::string_view genotype, int width, int classes) {
  return graph::simplify(
      graph::lower(
          space::parse_cell_genotype(genotype), {.name = "small"}, {.width = width}, classes)
          .graph);
}

}  // namespace parsimony::train
