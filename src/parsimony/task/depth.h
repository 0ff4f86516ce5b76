// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/task/task.h"

namespace parsimony::task {

// What number a network says for a depth of d metres.
enum class DepthForm {
  kLinear,   // d
  kLog,      // ln d
  kInverse,  // 1 / d
};
inline constexpr std::array<std::string_view, 3> kDepthFormNames = {"linear", "log", "inverse"};

// Of the differences r between the numbers said and wanted.
enum class DepthLoss {
  kL1,     // mean of |r|
  kBerhu,  // reverse Huber: |r|, beyond c = max |r| / 5 (r^2 + c^2) / 2c (Laina et al., 3DV 2016);
           // gradients take c for a constant
  kScaleInvariant,  // mean of r^2 less half the square of the mean of r, with form: log the loss of
                    // Eigen, Puhrsch & Fergus (NIPS 2014, section 3.3)
};
inline constexpr std::array<std::string_view, 3> kDepthLossNames = {
    "l1", "berhu", "scale_invariant"};

struct DepthOptions {
  DepthForm form = DepthForm::kLog;
  DepthLoss loss = DepthLoss::kBerhu;
  double nearest = 0.1;  // metres; predictions are kept within both
  double farthest = 10;
  void visit(core::FieldVisitor& v);
};

// How far away each pixel is: one channel. The loss is a mean over pixels with a valid depth, at
// the labels' size. Scores are metric::DepthQuality under its usual names: "rmse" (metres),
// "rmse_log", "log10", "abs_rel", "sq_rel", "delta1", "delta2", "delta3". "reward" is delta1, the
// share of pixels that are right within a quarter: as the others it has no length in it, and it
// lies in 0..1. Our choice; the search of Nekrasov et al. was rewarded for segmentation only.
class DepthPrediction final : public Task {
 public:
  explicit DepthPrediction(const DepthOptions& options) : options_(options) {}

  std::string name() const override { return "depth"; }
  data::TargetSet targets() const override { return {data::Target::kDepth}; }
  int channels() const override { return 1; }
  Tensor loss(const Tensor& output, const Labels& labels, const Learning& learning) const override;
  Ideal ideal(const Labels& labels, std::int64_t height, std::int64_t width) const override;
  std::vector<std::int64_t> mirrored_channels(const data::Sample& sample) const override;
  void predict(const Tensor& output,
               std::int64_t height,
               std::int64_t width,
               Prediction& into) const override;
  std::unique_ptr<Measurement> measurement(network::Kernels kernels) const override;
  std::string_view deciding() const override { return "reward"; }

  // Metres [N, height, width] of an output [N, 1, h, w], resized bilinearly before anything else.
  Tensor metres(const Tensor& output, std::int64_t height, std::int64_t width) const;

 private:
  DepthOptions options_;
};

}  // namespace parsimony::task
