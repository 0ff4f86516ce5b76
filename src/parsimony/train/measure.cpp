// SPDX-License-Identifier: Apache-2.0
#include "parsimony/train/measure.h"

#include "parsimony/network/pixel_classes.h"

namespace parsimony::train {
namespace {

constexpr std::int64_t kBatch = 8;

static_assert(network::kIgnored == data::LabelMap::kIgnore);

// Counts what a network says, where it says it: from an accelerator only the matrix comes back.
class PixelCounter {
 public:
  explicit PixelCounter(int classes) : matrix_(classes) {}

  void add(network::Network& network, const std::vector<Tensor>& inputs, const Tensor& labels) {
    const Tensor logits = network.logits(inputs, network::Phase::kEvaluation);
    const Tensor predicted =
        network::pixel_classes(logits, labels.size(1), labels.size(2), network.options().kernels);
    const Tensor truth = labels.to(predicted.device()).contiguous();
    if (truth.device().is_cpu()) {
      matrix_.add(
          truth.data_ptr<std::uint8_t>(), predicted.data_ptr<std::uint8_t>(), truth.numel());
      return;
    }
    const Tensor counts = pair_counts(truth, predicted, matrix_.classes());
    counts_ = counts_.defined() ? counts_ + counts : counts;
  }

  metric::ConfusionMatrix matrix() const {
    metric::ConfusionMatrix matrix = matrix_;
    if (!counts_.defined()) return matrix;
    const Tensor counts = counts_.to(at::kCPU);
    for (int truth = 0; truth < matrix.classes(); ++truth) {
      for (int predicted = 0; predicted < matrix.classes(); ++predicted)
        matrix.set(truth, predicted, counts[truth][predicted].item<std::int64_t>());
    }
    return matrix;
  }

 private:
  metric::ConfusionMatrix matrix_;
  Tensor counts_;  // of an accelerator, like pair_counts()
};

}  // namespace

Tensor pair_counts(const Tensor& truth, const Tensor& predicted, int classes) {
  const std::int64_t pairs = static_cast<std::int64_t>(classes) * classes;
  const Tensor pair = truth.to(at::kLong) * classes + predicted.to(at::kLong);
  // What is not counted goes behind the last pair.
  const Tensor place = at::where(truth.lt(classes), pair, at::full({}, pairs, pair.options()));
  return at::bincount(place.flatten(), {}, pairs + 1).narrow(0, 0, pairs).view({classes, classes});
}

metric::ConfusionMatrix measure_on_features(network::Network& decoder,
                                            const std::vector<std::size_t>& tap_of_input,
                                            const std::vector<FeatureBatch>& features,
                                            int classes) {
  const at::NoGradGuard no_grad;
  PixelCounter counter(classes);
  for (const FeatureBatch& cache : features) {
    for (std::int64_t first = 0; first < cache.size(); first += kBatch) {
      const std::int64_t n = std::min(kBatch, cache.size() - first);
      std::vector<Tensor> inputs;
      for (const std::size_t tap : tap_of_input)
        inputs.push_back(cache.taps[tap].narrow(0, first, n));
      counter.add(decoder, inputs, cache.labels.narrow(0, first, n));
    }
  }
  return counter.matrix();
}

metric::ConfusionMatrix measure_on_pictures(network::Network& network,
                                            const std::vector<data::Sample>& samples,
                                            int classes,
                                            const core::Context& context,
                                            std::string_view task,
                                            const std::vector<Tensor>& coefficients) {
  const at::NoGradGuard no_grad;
  PixelCounter counter(classes);
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
    std::vector<Tensor> inputs = {batch.pictures};
    inputs.insert(inputs.end(), coefficients.begin(), coefficients.end());
    counter.add(network, inputs, batch.labels);
    first = last;
    context.progress.advance(
        {task, static_cast<double>(first), static_cast<double>(samples.size()), ""});
  }
  return counter.matrix();
}

}  // namespace parsimony::train
