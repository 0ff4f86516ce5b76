// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/constant_model.h"

#include <algorithm>

namespace parsimony::run {
namespace {

using network::Tensor;

constexpr std::int64_t kPictures = 1000;
// Cells of a side: the usual heat map's. Finer detail does not outlast a mean over pictures.
constexpr std::int64_t kGrid = 64;

class ConstantModel final : public Model {
 public:
  ConstantModel(ModelTask model, std::shared_ptr<const task::Task> task, Tensor output)
      : model_(std::move(model)), task_(std::move(task)), output_(std::move(output)) {}

  const ModelTask& task() const override { return model_; }
  std::string description() const override { return "the mean label"; }

  task::Prediction predict(const data::Image& picture) override {
    const at::NoGradGuard no_grad;
    task::Prediction prediction;
    task_->predict(output_, picture.height, picture.width, prediction);
    return prediction;
  }

 private:
  ModelTask model_;
  std::shared_ptr<const task::Task> task_;
  Tensor output_;  // [1, channels, kGrid, kGrid]
};

}  // namespace

std::unique_ptr<Model> constant_model(ModelTask model,
                                      const data::Dataset& dataset,
                                      const core::Context& context) {
  const at::NoGradGuard no_grad;
  std::shared_ptr<const task::Task> task = task::make_task(model.options, dataset.info());
  Tensor sum = at::zeros({1, task->channels(), kGrid, kGrid});
  Tensor counts = at::zeros_like(sum);
  const std::int64_t size = dataset.size(data::Split::kTrain);
  const std::int64_t pictures = std::min(size, kPictures);
  for (std::int64_t i = 0; i < pictures; ++i) {
    if (context.stop.requested()) return nullptr;
    const data::Sample sample = dataset.read(data::Split::kTrain, i * size / pictures);
    const task::Ideal ideal = task->ideal(task::labels_of({sample}), kGrid, kGrid);
    sum += ideal.output * ideal.counts;
    counts += ideal.counts;
    context.progress.advance(
        {"mean label", static_cast<double>(i + 1), static_cast<double>(pictures), ""});
  }
  return std::make_unique<ConstantModel>(
      std::move(model), std::move(task), sum / counts.clamp_min(1));
}

}  // namespace parsimony::run
