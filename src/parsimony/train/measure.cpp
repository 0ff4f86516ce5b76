// SPDX-License-Identifier: Apache-2.0
#include "parsimony/train/measure.h"

#include "parsimony/network/pixel_classes.h"

namespace parsimony::train {
namespace {

constexpr std::int64_t kBatch = 8;

static_assert(network::kIgnored == data::LabelMap::kIgnore);

void count(metric::ConfusionMatrix& matrix,
           network::Network& network,
           const std::vector<Tensor>& inputs,
           const Tensor& labels) {
  const Tensor logits = network.logits(inputs, network::Phase::kEvaluation);
  const Tensor classes =
      network::pixel_classes(logits, labels.size(1), labels.size(2), network.options().kernels);
  const Tensor truth = labels.contiguous();
  matrix.add(truth.data_ptr<std::uint8_t>(), classes.data_ptr<std::uint8_t>(), truth.numel());
}

}  // namespace

metric::ConfusionMatrix measure_on_features(network::Network& decoder,
                                            const std::vector<std::size_t>& tap_of_input,
                                            const std::vector<FeatureBatch>& features,
                                            int classes) {
  const at::NoGradGuard no_grad;
  metric::ConfusionMatrix matrix(classes);
  for (const FeatureBatch& cache : features) {
    for (std::int64_t first = 0; first < cache.size(); first += kBatch) {
      const std::int64_t n = std::min(kBatch, cache.size() - first);
      std::vector<Tensor> inputs;
      for (const std::size_t tap : tap_of_input)
        inputs.push_back(cache.taps[tap].narrow(0, first, n).to(at::kFloat));
      count(matrix, decoder, inputs, cache.labels.narrow(0, first, n));
    }
  }
  return matrix;
}

metric::ConfusionMatrix measure_on_pictures(network::Network& network,
                                            const std::vector<data::Sample>& samples,
                                            int classes,
                                            const core::Context& context,
                                            std::string_view task) {
  const at::NoGradGuard no_grad;
  metric::ConfusionMatrix matrix(classes);
  std::size_t first = 0;
  while (first < samples.size() && !context.stop.requested()) {
    // As many neighbours of equal size as make a batch.
    std::size_t last = first + 1;
    while (last < samples.size() && last - first < static_cast<std::size_t>(kBatch) &&
           samples[last].image.width == samples[first].image.width &&
           samples[last].image.height == samples[first].image.height) {
      ++last;
    }
    const Batch batch = to_batch({samples.begin() + static_cast<std::ptrdiff_t>(first),
                                  samples.begin() + static_cast<std::ptrdiff_t>(last)});
    count(matrix, network, {batch.pictures}, batch.labels);
    first = last;
    context.progress.advance(
        {task, static_cast<double>(first), static_cast<double>(samples.size()), ""});
  }
  return matrix;
}

}  // namespace parsimony::train
