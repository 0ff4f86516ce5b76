// SPDX-License-Identifier: Apache-2.0
#include "parsimony/train/candidate.h"

#include <cmath>
#include <memory>
#include <numeric>

#include "parsimony/train/measure.h"

namespace parsimony::train {
namespace {

std::optional<TrainingEnd> must_end(const Limits& limits) {
  if (limits.stop.requested()) return TrainingEnd::kInterrupted;
  if (limits.deadline && std::chrono::steady_clock::now() > *limits.deadline)
    return TrainingEnd::kTimedOut;
  return std::nullopt;
}

// The auxiliary outputs follow the logits in a network's outputs.
Tensor supervised_loss(const std::vector<Tensor>& outputs,
                       const task::Labels& labels,
                       const task::Task& task,
                       double auxiliary_weight,
                       network::Kernels kernels) {
  const task::Learning learning{.kernels = kernels};
  Tensor loss = task.loss(outputs[0], labels, learning);
  if (auxiliary_weight > 0) {
    for (std::size_t i = 1; i < outputs.size(); ++i)
      loss = loss + auxiliary_weight * task.loss(outputs[i], labels, learning);
  }
  return loss;
}

// The losses of an epoch, summed where they are computed: whoever reads one has to wait for the
// device, so they are looked at once an epoch. A loss that is not finite shows in the sum.
class EpochLoss {
 public:
  void back_propagate(const Tensor& loss) {
    torch::autograd::backward({loss}, {});
    sum_ = sum_.defined() ? sum_ + loss.detach() : loss.detach();
  }
  bool finite() const { return !sum_.defined() || std::isfinite(sum_.item<double>()); }

 private:
  Tensor sum_;
};

// Validates after an epoch when it is due; fills `result` and says whether training goes on.
// `measure` gives scores, or nothing when it was interrupted.
template <typename Measure>
bool validate(
    TrainingResult& result, int epochs, int every, const Validation& validation, Measure measure) {
  const bool last = result.epoch == epochs;
  if (!last && result.epoch % every != 0) return true;
  const int index = (result.epoch + every - 1) / every - 1;
  result.scores = measure();
  if (!result.scores) {
    result.end = TrainingEnd::kInterrupted;
    return false;
  }
  if (validation(result.stage, index, *result.scores)) return true;
  result.end = TrainingEnd::kStoppedEarly;
  return false;
}

}  // namespace

void Stage0Options::visit(core::FieldVisitor& v) {
  v.field("epochs", epochs, {"passes over the cached features; 0 leaves stage 0 out", 0, 10000});
  v.field("validate_every", validate_every, {"epochs between validations", 1, 10000});
  v.field("samples", samples, {"augmented crops in the feature cache", 1});
  v.field("batch", batch, {"batch size", 1});
  v.group("augment", augment, "augmentation of the cached crops");
  v.group("decoder", decoder, "optimiser of the decoder");
  v.group("distillation", distillation, "learning from the teacher's outputs");
  v.field("auxiliary", auxiliary, {"weight of each auxiliary loss", 0});
  v.field("polyak",
          polyak,
          {"decay of the weight average that replaces the weights after each epoch; 0: off", 0, 1});
}

void Stage1Options::visit(core::FieldVisitor& v) {
  v.field("epochs", epochs, {"passes over the training pictures; 0 leaves stage 1 out", 0, 10000});
  v.field("validate_every", validate_every, {"epochs between validations", 1, 10000});
  v.field("batch", batch, {"batch size", 1});
  v.group("augment", augment, "augmentation of the pictures");
  v.group("encoder", encoder, "optimiser of the encoder");
  v.group("decoder", decoder, "optimiser of the decoder");
  v.field("auxiliary", auxiliary, {"weight of each auxiliary loss", 0});
  v.field("polyak",
          polyak,
          {"decay of the weight average that replaces the weights after each epoch; 0: off", 0, 1});
}

TrainingResult train_stage0(network::Network& decoder,
                            const std::vector<std::size_t>& tap_of_input,
                            const FeatureBatch& features,
                            const std::vector<FeatureBatch>& validation_features,
                            const task::Task& task,
                            const Stage0Options& options,
                            core::Rng rng,
                            const Limits& limits,
                            const Validation& validation) {
  TrainingResult result{.end = TrainingEnd::kFinished, .stage = 0, .epoch = 0, .scores = {}};
  Optimizer optimizer(decoder.decoder(), options.decoder);
  std::unique_ptr<PolyakAverage> average;
  if (options.polyak > 0)
    average = std::make_unique<PolyakAverage>(decoder.decoder(), options.polyak);

  const std::int64_t batch = std::min(options.batch, features.size());
  std::vector<std::int64_t> order(static_cast<std::size_t>(features.size()));
  while (result.epoch < options.epochs) {
    std::iota(order.begin(), order.end(), 0);
    core::Rng shuffle = rng.split("stage 0").split(static_cast<std::uint64_t>(result.epoch));
    shuffle.shuffle(order);
    const Tensor shuffled =
        at::from_blob(order.data(), {features.size()}, at::TensorOptions(at::kLong))
            .to(features.taps.at(0).device());
    EpochLoss losses;
    for (std::int64_t first = 0; first + batch <= features.size(); first += batch) {
      if (const auto end = must_end(limits)) {
        result.end = *end;
        return result;
      }
      const Tensor chosen = shuffled.narrow(0, first, batch);
      std::vector<Tensor> inputs;
      for (const std::size_t tap : tap_of_input)
        inputs.push_back(features.taps[tap].index_select(0, chosen));
      const task::Labels labels = features.labels.select(chosen);
      const std::vector<Tensor> outputs = decoder.forward(inputs, network::Phase::kTraining);
      Tensor loss =
          supervised_loss(outputs, labels, task, options.auxiliary, decoder.options().kernels);
      if (features.teacher.defined() && options.distillation.weight > 0) {
        const Tensor teacher = features.teacher.index_select(0, chosen);
        loss = loss + options.distillation.weight *
                          task.distillation(outputs[0], teacher, options.distillation);
      }
      optimizer.zero_gradients();
      losses.back_propagate(loss);
      optimizer.step();
      if (average) average->update();
    }
    if (!losses.finite()) {
      result.end = TrainingEnd::kDiverged;
      return result;
    }
    if (average) average->copy_to_parameters();
    ++result.epoch;
    const auto measure = [&]() -> std::optional<objective::Scores> {
      return measure_on_features(decoder, tap_of_input, validation_features, task);
    };
    if (!validate(result, options.epochs, options.validate_every, validation, measure))
      return result;
  }
  return result;
}

TrainingResult train_stage1(network::Network& network,
                            const std::vector<data::Sample>& samples,
                            const std::vector<data::Sample>& validation_views,
                            const task::Task& task,
                            const Stage1Options& options,
                            core::Rng rng,
                            const Limits& limits,
                            const Validation& validation) {
  TrainingResult result{.end = TrainingEnd::kFinished, .stage = 1, .epoch = 0, .scores = {}};
  Optimizer encoder_optimizer(network.encoder(), options.encoder);
  Optimizer decoder_optimizer(network.decoder(), options.decoder);
  std::unique_ptr<PolyakAverage> encoder_average;
  std::unique_ptr<PolyakAverage> decoder_average;
  if (options.polyak > 0) {
    encoder_average = std::make_unique<PolyakAverage>(network.encoder(), options.polyak);
    decoder_average = std::make_unique<PolyakAverage>(network.decoder(), options.polyak);
  }
  core::SilentLog log;
  core::SilentProgress progress;
  const core::Context quiet{log, progress, limits.stop, 1};

  // The candidate's own thread prepares its batches: candidates are what runs in parallel.
  BatchStream batches(samples, options.augment, options.batch, rng.split("stage 1"), /*threads=*/0);
  while (result.epoch < options.epochs) {
    EpochLoss losses;
    for (std::int64_t i = 0; i < batches.batches_per_epoch(); ++i) {
      if (const auto end = must_end(limits)) {
        result.end = *end;
        return result;
      }
      const Batch batch = batches.get(result.epoch, i);
      const std::vector<Tensor> outputs =
          network.forward({batch.pictures}, network::Phase::kTraining);
      // Targets have the network's own resolution in this stage.
      const task::Labels labels = batch.labels.on_grid(outputs[0].size(2), outputs[0].size(3));
      encoder_optimizer.zero_gradients();
      decoder_optimizer.zero_gradients();
      losses.back_propagate(
          supervised_loss(outputs, labels, task, options.auxiliary, network.options().kernels));
      encoder_optimizer.step();
      decoder_optimizer.step();
      if (encoder_average) {
        encoder_average->update();
        decoder_average->update();
      }
    }
    if (!losses.finite()) {
      result.end = TrainingEnd::kDiverged;
      return result;
    }
    if (encoder_average) {
      encoder_average->copy_to_parameters();
      decoder_average->copy_to_parameters();
    }
    ++result.epoch;
    const auto measure = [&] {
      return measure_on_pictures(network, validation_views, task, quiet, "validation");
    };
    if (!validate(result, options.epochs, options.validate_every, validation, measure))
      return result;
  }
  return result;
}

}  // namespace parsimony::train
