// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/evaluate/staged_networks.h"
#include "parsimony/train/recalibrate.h"

namespace parsimony::evaluate {

// The weights of parts of a supernet as StagedNetworks measures them: sliced, with the batch-norm
// statistics that each mode gives them on the calibration batches. What is the same for all parts
// is computed once.
class PartWeights {
 public:
  using ByMode = std::array<weights::ArrayMap, kBatchNormModeNames.size()>;

  // `weights`: of the supernet, ordered. Refers to both.
  PartWeights(const graph::Supernet& supernet,
              const weights::ArrayMap& weights,
              std::vector<PictureBatch> calibration,
              at::Device device);

  // In the order of BatchNormMode; nullopt when interrupted.
  std::optional<ByMode> of(const graph::Choices& choices, const core::Context& context);

 private:
  network::Network loaded(const graph::Graph& graph, const weights::ArrayMap& weights) const;
  std::optional<train::Statistics> measured(network::Network& net,
                                            std::string_view task,
                                            const core::Context& context) const;

  const graph::Supernet& supernet_;
  const weights::ArrayMap& weights_;
  const std::vector<PictureBatch> calibration_;
  const at::Device device_;
  std::optional<weights::ArrayMap> recalibrated_;  // the supernet's
};

}  // namespace parsimony::evaluate
