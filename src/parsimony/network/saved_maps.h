// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/network/feature_map.h"

namespace parsimony::network {

// Maps that forward() read and backward() needs again, with the weights they met. What is kept is
// what the maps hold; their activations are done again when they are read.
struct SavedMaps {
  std::vector<FeatureMap> maps;
  torch::autograd::variable_list weights;
};

inline void save_maps(torch::autograd::AutogradContext* context,
                      const std::vector<FeatureMap>& maps,
                      const torch::autograd::variable_list& weights) {
  torch::autograd::variable_list tensors = weights;
  std::vector<double> floors;
  std::vector<double> ceilings;
  for (const FeatureMap& map : maps) {
    tensors.insert(tensors.end(), {map.values, map.activation.scale, map.activation.shift});
    floors.push_back(map.activation.floor);
    ceilings.push_back(map.activation.ceiling);
  }
  context->save_for_backward(tensors);
  context->saved_data["floors"] = floors;
  context->saved_data["ceilings"] = ceilings;
}

inline SavedMaps saved_maps(torch::autograd::AutogradContext* context) {
  const torch::autograd::variable_list tensors = context->get_saved_variables();
  const std::vector<double> floors = context->saved_data["floors"].toDoubleVector();
  const std::vector<double> ceilings = context->saved_data["ceilings"].toDoubleVector();
  const std::size_t weights = tensors.size() - 3 * floors.size();
  SavedMaps saved;
  saved.weights.assign(tensors.begin(), tensors.begin() + static_cast<std::ptrdiff_t>(weights));
  for (std::size_t i = 0; i < floors.size(); ++i) {
    const std::size_t at = weights + 3 * i;
    saved.maps.push_back({tensors[at],
                          {tensors[at + 1],
                           tensors[at + 2],
                           static_cast<float>(floors[i]),
                           static_cast<float>(ceilings[i])}});
  }
  return saved;
}

}  // namespace parsimony::network
