// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "parsimony/network/network.h"

// New running statistics for batch norms, by forward passes alone: a network whose weights were
// changed, not trained, has activations that its old statistics do not describe.
namespace parsimony::train {

using network::Tensor;

// Mean and variance of every batch norm, in the order of Network::buffers().
using Statistics = std::vector<Tensor>;

// One forward pass in which every batch norm uses the batch's own statistics. The network stays as
// it is. Variances are unbiased, as running ones are.
//
// Of a batch of one picture, a map that was pooled to one pixel has no variance: an internal error
// names the batch norm.
struct BatchPass {
  std::vector<Tensor> outputs;  // as Network::forward() gives them
  Statistics statistics;
};
BatchPass batch_pass(network::Network& network, const std::vector<Tensor>& inputs);

// The mean of several batches' statistics, weighted by their numbers of pictures: the estimate that
// Once-for-All uses for its sub-networks (Cai et al., ICLR 2020, set_running_statistics in its
// code). The deviation of the batches' means from each other is not part of the variance.
class StatisticsMean {
 public:
  void add(const Statistics& of_batch, std::int64_t pictures);
  // In single precision; of at least one batch.
  Statistics mean() const;

 private:
  Statistics sums_;  // double precision
  std::int64_t pictures_ = 0;
};

void set_statistics(network::Network& network, const Statistics& statistics);

// New statistics for a part of a network whose own are not those of the pictures at hand, because
// it was trained on others, or because its file's were estimated: of every channel kept, the part's
// activations get the mean and the variance behind the batch norm that the whole network's have.
// `part` and `whole` are measured on the same pictures, `own` is what the whole network has, both
// for the channels kept. What the part computes as the whole network does keeps `own`.
Statistics aligned(const Statistics& part, const Statistics& whole, const Statistics& own);

// All of the above, for a network whose inputs are given batch by batch. Without batches nothing
// changes.
void recalibrate(network::Network& network, const std::vector<std::vector<Tensor>>& batches);

}  // namespace parsimony::train
