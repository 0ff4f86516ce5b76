// SPDX-License-Identifier: Apache-2.0
#include "parsimony/train/recalibrate.h"

#include "parsimony/core/error.h"
#include "parsimony/network/ops.h"

namespace parsimony::train {
namespace {

// The size of the picture that the first input, of whatever stride, belongs to.
graph::Size picture_of(const graph::Graph& graph, const Tensor& first) {
  for (const graph::Node& node : graph.nodes) {
    if (const auto* input = std::get_if<graph::Input>(&node.layer))
      return {first.size(2) * input->stride, first.size(3) * input->stride};
  }
  core::throw_internal_error("the network has no input");
}

void check_has_variance(const graph::Graph& graph, const std::vector<Tensor>& inputs) {
  core::require(!inputs.empty(), "a pass without inputs");
  if (inputs[0].size(0) > 1) return;
  const auto shapes = graph::infer_shapes(graph, picture_of(graph, inputs[0]));
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const graph::Node& node = graph.nodes[i];
    const bool one_pixel = shapes[i].height == 1 && shapes[i].width == 1;
    core::require(!one_pixel || !std::holds_alternative<graph::BatchNorm>(node.layer),
                  "'{}' sees a map of one pixel, which has no variance in a batch of one picture; "
                  "calibrate with batches of at least two",
                  node.name);
  }
}

}  // namespace

BatchPass batch_pass(network::Network& network, const std::vector<Tensor>& inputs) {
  check_has_variance(network.graph(), inputs);
  const at::NoGradGuard no_grad;
  const auto running = network.buffers();
  Statistics before;
  for (const auto& [name, statistic] : running) {
    before.push_back(statistic.clone());
    statistic.zero_();
  }
  BatchPass pass;
  pass.outputs = network.forward(inputs, network::Phase::kTraining);
  for (std::size_t i = 0; i < running.size(); ++i) {
    // From zero, an update leaves the batch's statistic times the momentum.
    const Tensor& statistic = running[i].second;
    pass.statistics.push_back(statistic / network::kNormMomentum);
    statistic.copy_(before[i]);
  }
  return pass;
}

void StatisticsMean::add(const Statistics& of_batch, std::int64_t pictures) {
  if (sums_.empty()) {
    for (const Tensor& statistic : of_batch)
      sums_.push_back(at::zeros_like(statistic, at::TensorOptions(at::kDouble)));
  }
  core::require(sums_.size() == of_batch.size(),
                "statistics of {} and of {} tensors",
                sums_.size(),
                of_batch.size());
  for (std::size_t i = 0; i < sums_.size(); ++i)
    sums_[i].add_(of_batch[i].to(at::kDouble), static_cast<double>(pictures));
  pictures_ += pictures;
}

Statistics StatisticsMean::mean() const {
  core::require(pictures_ > 0, "the mean of no statistics");
  Statistics means;
  for (const Tensor& sum : sums_)
    means.push_back((sum / static_cast<double>(pictures_)).to(at::kFloat));
  return means;
}

void set_statistics(network::Network& network, const Statistics& statistics) {
  const auto running = network.buffers();
  core::require(running.size() == statistics.size(),
                "{} statistics for the {} of the network",
                statistics.size(),
                running.size());
  for (std::size_t i = 0; i < running.size(); ++i) running[i].second.copy_(statistics[i]);
}

Statistics aligned(const Statistics& part, const Statistics& whole, const Statistics& own) {
  core::require(part.size() == whole.size() && part.size() == own.size() && part.size() % 2 == 0,
                "statistics of {}, {} and {} tensors",
                part.size(),
                whole.size(),
                own.size());
  Statistics result;
  for (std::size_t i = 0; i < part.size(); i += 2) {
    const auto wide = [i](const Statistics& of, std::size_t k) {
      return of[i + k].to(at::kDouble);
    };
    // Squared: by how much the part's activations are wider than the whole network's.
    const Tensor wider =
        (wide(part, 1) + network::kNormEpsilon) / (wide(whole, 1) + network::kNormEpsilon);
    const Tensor mean = wide(part, 0) + (wide(own, 0) - wide(whole, 0)) * wider.sqrt();
    const Tensor variance = (wide(own, 1) + network::kNormEpsilon) * wider - network::kNormEpsilon;
    result.push_back(mean.to(at::kFloat));
    result.push_back(variance.to(at::kFloat));
  }
  return result;
}

void recalibrate(network::Network& network, const std::vector<std::vector<Tensor>>& batches) {
  if (batches.empty()) return;
  StatisticsMean mean;
  for (const std::vector<Tensor>& batch : batches)
    mean.add(batch_pass(network, batch).statistics, batch.at(0).size(0));
  set_statistics(network, mean.mean());
}

}  // namespace parsimony::train
