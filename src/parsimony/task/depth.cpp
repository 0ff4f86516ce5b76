// SPDX-License-Identifier: Apache-2.0
#include "parsimony/task/depth.h"

#include <algorithm>

#include "parsimony/core/error.h"
#include "parsimony/metric/depth.h"

namespace parsimony::task {
namespace {

constexpr double kBerhuShare = 0.2;           // of the largest difference
constexpr double kScaleInvariantShare = 0.5;  // lambda

class DepthMeasurement final : public Measurement {
 public:
  explicit DepthMeasurement(const DepthPrediction& task) : task_(task) {}

  void add(const Tensor& output, const Labels& labels) override {
    const Tensor truth = labels.depth.to(at::kCPU).contiguous();
    const Tensor found =
        task_.metres(output, truth.size(1), truth.size(2)).to(at::kCPU).contiguous();
    errors_.add(truth.data_ptr<float>(), found.data_ptr<float>(), truth.numel());
  }

  void add(const Prediction& prediction, const data::Sample& truth) override {
    core::require(prediction.depth.metres.size() == truth.depth.metres.size(),
                  "a depth map of {} pixels is measured against one of {}",
                  prediction.depth.metres.size(),
                  truth.depth.metres.size());
    errors_.add(
        truth.depth.metres.data(), prediction.depth.metres.data(), std::ssize(truth.depth.metres));
  }

  objective::Scores scores() const override {
    const std::optional<metric::DepthQuality> quality = errors_.quality();
    if (!quality) {
      core::throw_user_error(
          "no pixel that was measured has a valid depth; run 'parsimony check' on the data set");
    }
    return {{"reward", quality->delta1},
            {"rmse", quality->rmse},
            {"rmse_log", quality->rmse_log},
            {"log10", quality->log10},
            {"abs_rel", quality->absolute_relative},
            {"sq_rel", quality->squared_relative},
            {"delta1", quality->delta1},
            {"delta2", quality->delta2},
            {"delta3", quality->delta3}};
  }

  Details details() const override { return {}; }

 private:
  DepthPrediction task_;
  metric::DepthErrors errors_;
};

Tensor in_form(const Tensor& metres, DepthForm form) {
  switch (form) {
    case DepthForm::kLinear:
      return metres;
    case DepthForm::kLog:
      return metres.log();
    case DepthForm::kInverse:
      return metres.reciprocal();
  }
  core::throw_internal_error("depth form {} does not exist", static_cast<int>(form));
}

// The numbers to be said of these depths, and where there is anything to say.
struct Wanted {
  Tensor target, valid;
};
Wanted wanted(const Tensor& metres, DepthForm form) {
  const Tensor valid = metres.gt(0).logical_and(metres.isfinite());
  return {in_form(at::where(valid, metres, at::ones_like(metres)), form), valid};
}

}  // namespace

void DepthOptions::visit(core::FieldVisitor& v) {
  v.choice(
      "form",
      form,
      kDepthFormNames,
      {"what the network says of a depth d: linear (d, metres), log (ln d) or inverse (1 / d)"});
  v.choice("loss",
           loss,
           kDepthLossNames,
           {"l1, berhu (reverse Huber) or scale_invariant (Eigen et al., with form: log)"});
  v.field("nearest", nearest, {"predictions are at least this, metres", 1e-3, 1000});
  v.field("farthest", farthest, {"predictions are at most this, metres", 1e-3, 1000});
}

Tensor DepthPrediction::loss(const Tensor& output, const Labels& labels, const Learning&) const {
  const auto [target, valid] = wanted(labels.depth.to(output.device()), options_.form);
  const Tensor said = network::resize_bilinear(output, target.size(1), target.size(2)).squeeze(1);
  const Tensor difference = at::where(valid, said - target, at::zeros_like(said));
  const Tensor count = valid.sum().clamp_min(1);
  switch (options_.loss) {
    case DepthLoss::kL1:
      return difference.abs().sum() / count;
    case DepthLoss::kBerhu: {
      const Tensor size = difference.abs();
      // Nothing is beyond a bound of no difference at all, which must not be divided by.
      const Tensor bound = (kBerhuShare * size.detach().max()).clamp_min(1e-6);
      const Tensor far = (size.square() + bound.square()) / (2 * bound);
      return at::where(size.le(bound), size, far).sum() / count;
    }
    case DepthLoss::kScaleInvariant:
      return difference.square().sum() / count -
             kScaleInvariantShare * (difference.sum() / count).square();
  }
  core::throw_internal_error("depth loss {} does not exist", static_cast<int>(options_.loss));
}

Ideal DepthPrediction::ideal(const Labels& labels, std::int64_t height, std::int64_t width) const {
  const auto [target, valid] = wanted(labels.on_grid(height, width).depth, options_.form);
  return {.output = target.unsqueeze(1), .counts = valid.unsqueeze(1).to(at::kFloat)};
}

std::vector<std::int64_t> DepthPrediction::mirrored_channels(const data::Sample&) const {
  return {0};
}

Tensor DepthPrediction::metres(const Tensor& output,
                               std::int64_t height,
                               std::int64_t width) const {
  const Tensor said = network::resize_bilinear(output.to(at::kFloat), height, width).squeeze(1);
  const auto of_form = [&] {
    switch (options_.form) {
      case DepthForm::kLinear:
        return said;
      case DepthForm::kLog:
        return said.exp();
      case DepthForm::kInverse:
        // What is not positive is farther than all that can be said.
        return said.clamp_min(1 / options_.farthest).reciprocal();
    }
    core::throw_internal_error("depth form {} does not exist", static_cast<int>(options_.form));
  };
  return of_form().clamp(options_.nearest, options_.farthest);
}

void DepthPrediction::predict(const Tensor& output,
                              std::int64_t height,
                              std::int64_t width,
                              Prediction& into) const {
  const Tensor map = metres(output, height, width).to(at::kCPU).contiguous();
  into.depth = data::DepthMap(width, height);
  std::copy_n(map.data_ptr<float>(), map.numel(), into.depth.metres.begin());
}

std::unique_ptr<Measurement> DepthPrediction::measurement(network::Kernels) const {
  return std::make_unique<DepthMeasurement>(*this);
}

}  // namespace parsimony::task
