// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/metric/confusion.h"
#include "parsimony/task/task.h"

namespace parsimony::task {

// A class for each pixel: one channel a class, cross-entropy at the labels' size, scores of one
// confusion matrix over the whole split (metric::scores). Sets whose labels are classes of whole
// pictures are learned the same way.
class Segmentation final : public Task {
 public:
  explicit Segmentation(int classes, metric::Scoring scoring = {});

  std::string name() const override { return "segmentation"; }
  data::TargetSet targets() const override { return {data::Target::kClasses}; }
  int channels() const override { return classes_; }
  Tensor loss(const Tensor& output, const Labels& labels, const Learning& learning) const override;
  Tensor distillation(const Tensor& output,
                      const Tensor& teacher,
                      const DistillationOptions& options,
                      const Tensor& inside) const override;
  Ideal ideal(const Labels& labels, std::int64_t height, std::int64_t width) const override;
  std::vector<std::int64_t> mirrored_channels(const data::Sample& sample) const override;
  void predict(const Tensor& output,
               std::int64_t height,
               std::int64_t width,
               Prediction& into) const override;
  std::unique_ptr<Measurement> measurement(network::Kernels kernels) const override;
  std::string_view deciding() const override { return "miou"; }

 private:
  int classes_;
  metric::Scoring scoring_;
};

// How often a pixel of each true class was given each class: [classes, classes] int64, on the
// device of `truth` and `predicted` (uint8, of one shape). Pixels whose label is not a class are
// left out. Predictions must be classes.
Tensor pair_counts(const Tensor& truth, const Tensor& predicted, int classes);

}  // namespace parsimony::task
