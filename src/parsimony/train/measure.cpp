// SPDX-License-Identifier: Apache-2.0
#include "parsimony/train/measure.h"

namespace parsimony::train {
namespace {

constexpr std::int64_t kBatch = 8;

}  // namespace

objective::Scores measure_on_features(network::Network& decoder,
                                      const std::vector<std::size_t>& tap_of_input,
                                      const std::vector<FeatureBatch>& features,
                                      const task::Task& task) {
  const at::NoGradGuard no_grad;
  const auto measurement = task.measurement(decoder.options().kernels);
  for (const FeatureBatch& cache : features) {
    for (std::int64_t first = 0; first < cache.size(); first += kBatch) {
      const std::int64_t n = std::min(kBatch, cache.size() - first);
      std::vector<Tensor> inputs;
      for (const std::size_t tap : tap_of_input)
        inputs.push_back(cache.taps[tap].narrow(0, first, n));
      measurement->add(decoder.logits(inputs, network::Phase::kEvaluation),
                       cache.labels.narrow(first, n));
    }
  }
  return measurement->scores();
}

std::optional<objective::Scores> measure_on_pictures(network::Network& network,
                                                     const std::vector<data::Sample>& samples,
                                                     const task::Task& task,
                                                     const core::Context& context,
                                                     std::string_view what,
                                                     const std::vector<Tensor>& coefficients) {
  const at::NoGradGuard no_grad;
  const auto measurement = task.measurement(network.options().kernels);
  std::size_t first = 0;
  while (first < samples.size()) {
    if (context.stop.requested()) return std::nullopt;
    // As many neighbours of equal size as make a batch.
    std::size_t last = first + 1;
    while (last < samples.size() && last - first < static_cast<std::size_t>(kBatch) &&
           samples[last].image.width == samples[first].image.width &&
           samples[last].image.height == samples[first].image.height) {
      ++last;
    }
    const Batch batch = to_batch({samples.begin() + static_cast<std::ptrdiff_t>(first),
                                  samples.begin() + static_cast<std::ptrdiff_t>(last)});
    std::vector<Tensor> inputs = {batch.pictures};
    inputs.insert(inputs.end(), coefficients.begin(), coefficients.end());
    measurement->add(network.logits(inputs, network::Phase::kEvaluation), batch.labels);
    first = last;
    context.progress.advance(
        {what, static_cast<double>(first), static_cast<double>(samples.size()), ""});
  }
  return measurement->scores();
}

}  // namespace parsimony::train
