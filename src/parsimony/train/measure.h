// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/network/network.h"
#include "parsimony/task/task.h"
#include "parsimony/train/feature_cache.h"
#include "parsimony/train/images.h"

namespace parsimony::train {

// The scores of a decoder on cached features. `tap_of_input[i]` says which cached tap the decoder's
// i-th input is.
objective::Scores measure_on_features(network::Network& decoder,
                                      const std::vector<std::size_t>& tap_of_input,
                                      const std::vector<FeatureBatch>& features,
                                      const task::Task& task);

// The same of a whole network on pictures; samples of any sizes, each measured at its own size.
// `coefficients` are what a supernet takes beside them. nullopt when the stop flag was set
// meanwhile.
std::optional<objective::Scores> measure_on_pictures(network::Network& network,
                                                     const std::vector<data::Sample>& samples,
                                                     const task::Task& task,
                                                     const core::Context& context,
                                                     std::string_view what,
                                                     const std::vector<Tensor>& coefficients = {});

}  // namespace parsimony::train
