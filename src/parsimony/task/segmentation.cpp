// SPDX-License-Identifier: Apache-2.0
#include "parsimony/task/segmentation.h"

#include <algorithm>
#include <numeric>

#include "parsimony/core/error.h"

namespace parsimony::task {
namespace {

static_assert(network::kIgnored == data::LabelMap::kIgnore);

// Counts what a network says, where it says it: from an accelerator only the matrix comes back.
class PixelCounter final : public Measurement {
 public:
  PixelCounter(int classes, metric::Scoring scoring, network::Kernels kernels)
      : matrix_(classes), scoring_(std::move(scoring)), kernels_(kernels) {}

  void add(const Tensor& output, const Labels& labels) override {
    const Tensor predicted =
        network::pixel_classes(output, labels.classes.size(1), labels.classes.size(2), kernels_);
    const Tensor truth = labels.classes.to(predicted.device()).contiguous();
    if (truth.device().is_cpu()) {
      matrix_.add(
          truth.data_ptr<std::uint8_t>(), predicted.data_ptr<std::uint8_t>(), truth.numel());
      return;
    }
    const Tensor counts = pair_counts(truth, predicted, matrix_.classes());
    counts_ = counts_.defined() ? counts_ + counts : counts;
  }

  void add(const Prediction& prediction, const data::Sample& truth) override {
    core::require(prediction.classes.ids.size() == truth.labels.ids.size(),
                  "a class map of {} pixels is measured against one of {}",
                  prediction.classes.ids.size(),
                  truth.labels.ids.size());
    matrix_.add(
        truth.labels.ids.data(), prediction.classes.ids.data(), std::ssize(truth.labels.ids));
  }

  objective::Scores scores() const override { return metric::scores(matrix(), scoring_); }

  Details details() const override {
    const metric::ConfusionMatrix all = matrix();
    Details details;
    for (int c = 0; c < all.classes(); ++c) {
      details["iou"].push_back(all.iou(c));
      details["f1"].push_back(all.f1({c}));
    }
    return details;
  }

 private:
  metric::ConfusionMatrix matrix() const {
    if (!counts_.defined()) return matrix_;
    metric::ConfusionMatrix matrix(matrix_.classes());
    const Tensor counts = counts_.to(at::kCPU);
    for (int truth = 0; truth < matrix.classes(); ++truth) {
      for (int predicted = 0; predicted < matrix.classes(); ++predicted)
        matrix.set(truth, predicted, counts[truth][predicted].item<std::int64_t>());
    }
    matrix.add(matrix_);
    return matrix;
  }

  metric::ConfusionMatrix matrix_;
  Tensor counts_;  // of an accelerator, like pair_counts()
  metric::Scoring scoring_;
  network::Kernels kernels_;
};

}  // namespace

Tensor pair_counts(const Tensor& truth, const Tensor& predicted, int classes) {
  const std::int64_t pairs = static_cast<std::int64_t>(classes) * classes;
  const Tensor pair = truth.to(at::kLong) * classes + predicted.to(at::kLong);
  // What is not counted goes behind the last pair.
  const Tensor place = at::where(truth.lt(classes), pair, at::full({}, pairs, pair.options()));
  return at::bincount(place.flatten(), {}, pairs + 1).narrow(0, 0, pairs).view({classes, classes});
}

Segmentation::Segmentation(int classes, metric::Scoring scoring)
    : classes_(classes), scoring_(std::move(scoring)) {}

Tensor Segmentation::loss(const Tensor& output,
                          const Labels& labels,
                          const Learning& learning) const {
  switch (learning.pixels) {
    case PixelLoss::kCrossEntropy:
      return network::pixel_cross_entropy(output, labels.classes, learning.kernels);
    case PixelLoss::kOhem:
      return network::hard_pixel_cross_entropy(
          output, labels.classes, learning.hard, learning.kernels);
  }
  core::throw_internal_error("loss {} does not exist", static_cast<int>(learning.pixels));
}

Tensor Segmentation::distillation(const Tensor& output,
                                  const Tensor& teacher,
                                  const DistillationOptions& options,
                                  const Tensor& inside) const {
  return task::distillation(output, teacher, options, inside);
}

Ideal Segmentation::ideal(const Labels& labels, std::int64_t height, std::int64_t width) const {
  const Tensor classes = labels.on_grid(height, width).classes.unsqueeze(1);
  const Tensor every = at::arange(classes_, classes.options()).view({1, -1, 1, 1});
  return {.output = classes.eq(every).to(at::kFloat),
          .counts = classes.lt(classes_).to(at::kFloat).expand({-1, classes_, -1, -1})};
}

std::vector<std::int64_t> Segmentation::mirrored_channels(const data::Sample& sample) const {
  std::vector<std::int64_t> channels(static_cast<std::size_t>(classes_));
  std::iota(channels.begin(), channels.end(), 0);
  for (const auto& [left, right] : sample.mirror_pairs)
    std::swap(channels.at(left), channels.at(right));
  return channels;
}

void Segmentation::predict(const Tensor& output,
                           std::int64_t height,
                           std::int64_t width,
                           Prediction& into) const {
  const Tensor classes =
      network::pixel_classes(output, height, width, network::Kernels::kFast).to(at::kCPU);
  into.classes = data::LabelMap(width, height);
  std::copy_n(classes.data_ptr<std::uint8_t>(), classes.numel(), into.classes.ids.begin());
}

std::unique_ptr<Measurement> Segmentation::measurement(network::Kernels kernels) const {
  return std::make_unique<PixelCounter>(classes_, scoring_, kernels);
}

}  // namespace parsimony::task
