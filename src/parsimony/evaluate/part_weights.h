// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/evaluate/staged_networks.h"

namespace parsimony::evaluate {

// The weights of a part of a supernet as StagedNetworks measures it: sliced, with the batch-norm
// statistics that `mode` gives it on the calibration batches (which kFrozen does not read).
// `weights`: of the supernet, ordered.
weights::ArrayMap part_weights(const graph::Supernet& supernet,
                               const weights::ArrayMap& weights,
                               const graph::Choices& choices,
                               BatchNormMode mode,
                               const std::vector<PictureBatch>& calibration,
                               at::Device device);

}  // namespace parsimony::evaluate
