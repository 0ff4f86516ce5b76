// SPDX-License-Identifier: Apache-2.0
#include "parsimony/evaluate/part_weights.h"

#include "parsimony/supernet/sliced.h"
#include "parsimony/train/images.h"
#include "parsimony/train/recalibrate.h"

namespace parsimony::evaluate {
namespace {

using network::Network;
using train::Statistics;

Network loaded(const graph::Graph& graph, const weights::ArrayMap& weights, at::Device device) {
  Network net(graph, core::Rng(0), {.device = device});
  net.load(weights, "the supernet's weights");
  return net;
}

Statistics statistics_of(const Network& net) {
  Statistics statistics;
  for (const auto& [name, statistic] : net.buffers()) statistics.push_back(statistic.clone());
  return statistics;
}

Statistics measured_on(const std::vector<PictureBatch>& pictures, Network& net) {
  train::StatisticsMean mean;
  for (const PictureBatch& batch : pictures) {
    const train::Tensor values = train::to_batch(batch).pictures.to(net.options().device);
    mean.add(train::batch_pass(net, {values}).statistics, std::ssize(batch));
  }
  return mean.mean();
}

}  // namespace

weights::ArrayMap part_weights(const graph::Supernet& supernet,
                               const weights::ArrayMap& weights,
                               const graph::Choices& choices,
                               BatchNormMode mode,
                               const std::vector<PictureBatch>& calibration,
                               at::Device device) {
  const weights::ArrayMap sliced = supernet::sliced(supernet, weights, choices);
  if (mode == BatchNormMode::kFrozen) return sliced;
  const graph::Graph part = graph::subsample(supernet, choices);
  Network net = loaded(part, sliced, device);
  const Statistics own = statistics_of(net);
  const Statistics measured = measured_on(calibration, net);
  if (mode == BatchNormMode::kRecalibrated) {
    train::set_statistics(net, measured);
    return net.save();
  }
  Network whole = loaded(supernet.graph, weights, device);
  train::set_statistics(whole, measured_on(calibration, whole));
  const Network kept = loaded(
      part,
      supernet::selected(supernet.graph, whole.save(), graph::channel_slices(supernet, choices)),
      device);
  train::set_statistics(net, train::aligned(measured, statistics_of(kept), own));
  return net.save();
}

}  // namespace parsimony::evaluate
