// SPDX-License-Identifier: Apache-2.0
#include "parsimony/evaluate/part_weights.h"

#include "parsimony/supernet/sliced.h"
#include "parsimony/train/images.h"
#include "parsimony/train/recalibrate.h"

namespace parsimony::evaluate {
namespace {

using network::Network;
using train::Statistics;

Statistics statistics_of(const Network& net) {
  Statistics statistics;
  for (const auto& [name, statistic] : net.buffers()) statistics.push_back(statistic.clone());
  return statistics;
}

weights::ArrayMap with(const Statistics& statistics, Network& net) {
  train::set_statistics(net, statistics);
  return net.save();
}

}  // namespace

PartWeights::PartWeights(const graph::Supernet& supernet,
                         const weights::ArrayMap& weights,
                         std::vector<PictureBatch> calibration,
                         at::Device device)
    : supernet_(supernet),
      weights_(weights),
      calibration_(std::move(calibration)),
      device_(device) {}

std::optional<PartWeights::ByMode> PartWeights::of(const graph::Choices& choices,
                                                   const core::Context& context) {
  if (!recalibrated_) {
    Network whole = loaded(supernet_.graph, weights_);
    const auto statistics = measured(whole, "the supernet's statistics", context);
    if (!statistics) return std::nullopt;
    recalibrated_ = with(*statistics, whole);
  }
  const graph::Graph graph = graph::subsample(supernet_, choices);
  weights::ArrayMap frozen = supernet::sliced(supernet_, weights_, choices);
  Network part = loaded(graph, frozen);
  const Statistics own = statistics_of(part);
  const auto statistics = measured(part, "a part's statistics", context);
  if (!statistics) return std::nullopt;
  const Network kept =
      loaded(graph,
             supernet::selected(
                 supernet_.graph, *recalibrated_, graph::channel_slices(supernet_, choices)));
  ByMode all;
  const auto of_mode = [&all](BatchNormMode mode) -> weights::ArrayMap& {
    return all[static_cast<std::size_t>(mode)];
  };
  of_mode(BatchNormMode::kFrozen) = std::move(frozen);
  of_mode(BatchNormMode::kRecalibrated) = with(*statistics, part);
  of_mode(BatchNormMode::kAligned) =
      with(train::aligned(*statistics, statistics_of(kept), own), part);
  return all;
}

Network PartWeights::loaded(const graph::Graph& graph, const weights::ArrayMap& weights) const {
  Network net(graph, core::Rng(0), {.device = device_});
  net.load(weights, "the supernet's weights");
  return net;
}

std::optional<Statistics> PartWeights::measured(Network& net,
                                                std::string_view task,
                                                const core::Context& context) const {
  train::StatisticsMean mean;
  double done = 0;
  for (const PictureBatch& batch : calibration_) {
    if (context.stop.requested()) return std::nullopt;
    const train::Tensor pictures = train::to_batch(batch).pictures.to(device_);
    mean.add(train::batch_pass(net, {pictures}).statistics, std::ssize(batch));
    context.progress.advance({task, ++done, static_cast<double>(calibration_.size()), ""});
  }
  return mean.mean();
}

}  // namespace parsimony::evaluate
