// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/metric/confusion.h"
#include "parsimony/network/network.h"
#include "parsimony/train/feature_cache.h"
#include "parsimony/train/images.h"

namespace parsimony::train {

// How often a pixel of each true class was given each class: [classes, classes] int64, on the
// device of `truth` and `predicted` (uint8, of one shape). Pixels whose label is not a class are
// left out. Predictions must be classes.
Tensor pair_counts(const Tensor& truth, const Tensor& predicted, int classes);

// One data-set-wide confusion matrix of a decoder on cached features. `tap_of_input[i]` says which
// cached tap the decoder's i-th input is.
metric::ConfusionMatrix measure_on_features(network::Network& decoder,
                                            const std::vector<std::size_t>& tap_of_input,
                                            const std::vector<FeatureBatch>& features,
                                            int classes);

// The same of a whole network on pictures; samples of any sizes, each measured at its own size.
// `coefficients` are what a supernet takes beside them.
metric::ConfusionMatrix measure_on_pictures(network::Network& network,
                                            const std::vector<data::Sample>& samples,
                                            int classes,
                                            const core::Context& context,
                                            std::string_view task,
                                            const std::vector<Tensor>& coefficients = {});

}  // namespace parsimony::train
