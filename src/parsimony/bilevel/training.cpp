// SPDX-License-Identifier: Apache-2.0
#include "parsimony/bilevel/training.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "parsimony/core/error.h"
#include "parsimony/train/measure.h"
#include "parsimony/train/recalibrate.h"
#include "parsimony/weights/safetensors.h"

namespace parsimony::bilevel {
namespace {

// Rates are given with every step.
train::OptimizerOptions sgd(const differentiable::WeightOptimizerOptions& options) {
  return {.kind = train::OptimizerKind::kSgd,
          .rate = 1,
          .weight_decay = options.weight_decay,
          .momentum = options.momentum,
          .clip = options.clip};
}

train::OptimizerOptions adam(const differentiable::ArchitectureOptimizerOptions& options) {
  return {.kind = train::OptimizerKind::kAdam,
          .rate = options.rate,
          .weight_decay = options.weight_decay,
          .beta1 = options.beta1,
          .beta2 = options.beta2,
          .clip = options.clip};
}

const std::string& meta(const weights::ArrayMap& map,
                        const std::string& key,
                        const std::filesystem::path& file) {
  const auto found = map.metadata.find(key);
  if (found == map.metadata.end())
    core::throw_user_error("{}: is not the state of a search (no '{}')", file.string(), key);
  return found->second;
}

}  // namespace

Training::Training(Relaxation& relaxation,
                   const differentiable::WeightOptimizerOptions& weights,
                   const differentiable::ArchitectureOptimizerOptions& architecture)
    : relaxation_(relaxation),
      weight_options_(weights),
      weights_(relaxation.network().decoder(), sgd(weights)),
      architecture_(relaxation.architecture(), adam(architecture)),
      architecture_decay_(architecture.weight_decay) {}

WeightStep Training::next_step(double rate) const {
  return {.rate = rate,
          .momentum = weight_options_.momentum,
          .weight_decay = weight_options_.weight_decay,
          .velocity = weights_.velocity()};
}

void Training::set_architecture_decay(double decay) {
  architecture_decay_ = decay;
  architecture_.set_weight_decay(decay);
}

void Training::save(const std::filesystem::path& file,
                    const std::string& signature,
                    const std::string& note) const {
  weights::ArrayMap map;
  for (auto& [name, array] : relaxation_.network().save().arrays)
    map.arrays["network." + name] = array;
  map.arrays["architecture"] = network::to_array(relaxation_.architecture().values);
  weights_.save(map, "weights");
  architecture_.save(map, "architecture_optimizer");
  map.metadata["signature"] = signature;
  map.metadata["architecture_decay"] = fmt::format("{}", architecture_decay_);
  map.metadata["note"] = note;
  weights::write_safetensors(file, map);
}

std::string Training::load(const std::filesystem::path& file, const std::string& signature) {
  const weights::ArrayMap map = weights::read_safetensors(file);
  if (meta(map, "signature", file) != signature) {
    core::throw_user_error(
        "{}: belongs to a search with other options, pictures or another seed; remove it to start "
        "over",
        file.string());
  }
  weights::ArrayMap network;
  constexpr std::string_view kPrefix = "network.";
  for (const auto& [name, array] : map.arrays) {
    if (name.starts_with(kPrefix)) network.arrays[name.substr(kPrefix.size())] = array;
  }
  relaxation_.network().load(network, file.string());
  const auto architecture = map.arrays.find("architecture");
  Tensor& values = relaxation_.architecture().values;
  if (architecture == map.arrays.end() || architecture->second.numel() != values.numel())
    core::throw_user_error("{}: has no fitting 'architecture'", file.string());
  values.copy_(network::to_tensor(architecture->second));
  weights_.load(map, "weights");
  architecture_.load(map, "architecture_optimizer");
  set_architecture_decay(std::stod(meta(map, "architecture_decay", file)));
  return meta(map, "note", file);
}

Lessons::Lessons(const Pictures& pictures,
                 const data::AugmentOptions& augment,
                 std::int64_t batch,
                 const core::Rng& rng,
                 int threads)
    : task_(pictures.task),
      weights_(pictures.weights, augment, batch, rng.split("weights"), threads),
      architecture_(pictures.architecture, augment, batch, rng.split("architecture"), threads) {}

train::Batch Lessons::for_weights(int epoch, std::int64_t step) {
  return weights_.get(epoch, step);
}

// The halves may differ in size: passes over this one end when they end.
train::Batch Lessons::for_architecture(int epoch, std::int64_t step) {
  const std::int64_t index = epoch * steps_per_epoch() + step;
  const std::int64_t count = architecture_.batches_per_epoch();
  return architecture_.get(index / count, index % count);
}

std::vector<Tensor> Lessons::calibration(int count) {
  std::vector<Tensor> pictures;
  const std::int64_t wanted = std::min<std::int64_t>(count, steps_per_epoch());
  for (std::int64_t i = 0; i < wanted; ++i) pictures.push_back(weights_.get(0, i).pictures);
  return pictures;
}

std::vector<train::Batch> Lessons::probe(int count) {
  std::vector<train::Batch> batches;
  const std::int64_t wanted = std::min<std::int64_t>(count, architecture_.batches_per_epoch());
  for (std::int64_t i = 0; i < wanted; ++i) batches.push_back(architecture_.get(0, i));
  return batches;
}

EpochSteps epoch_steps(const differentiable::EpochOptions& options, int epoch) {
  return {.epoch = epoch,
          .epochs = options.epochs,
          .rate = options.rate(epoch),
          .coefficients = nullptr};
}

std::optional<differentiable::EpochNote> run_epoch(Training& training,
                                                   Lessons& lessons,
                                                   const EpochSteps& steps,
                                                   const core::Rng& rng,
                                                   const core::Context& context,
                                                   const std::string& task) {
  const std::int64_t count = lessons.steps_per_epoch();
  const core::Rng noise = rng.split("noise").split(static_cast<std::uint64_t>(steps.epoch));
  differentiable::EpochNote note;
  note.epoch = steps.epoch;
  const auto finite = [&](double loss) {
    if (std::isfinite(loss)) return loss;
    core::throw_user_error(
        "{}: the loss is no number any more in epoch {}; use a smaller rate (weights.rate, now {})",
        task,
        steps.epoch + 1,
        steps.rate);
  };
  for (std::int64_t i = 0; i < count; ++i) {
    if (context.stop.requested()) return std::nullopt;
    const core::Rng draws = noise.split(static_cast<std::uint64_t>(i));
    const train::Batch batch = lessons.for_weights(steps.epoch, i);
    const Lesson weights{batch, draws.split("weights"), lessons.task()};
    if (steps.architecture) {
      const train::Batch other = lessons.for_architecture(steps.epoch, i);
      training.zero_architecture_gradients();
      const double loss =
          steps.architecture(weights, {other, draws.split("architecture"), lessons.task()});
      note.architecture_loss = note.architecture_loss.value_or(0) + finite(loss);
      training.step_architecture();
    }
    training.zero_weight_gradients();
    note.weight_loss += finite(add_weight_gradient(
        training.relaxation(), steps.coefficients(weights), weights, network::Phase::kTraining));
    training.step_weights(steps.rate);

    const auto done = static_cast<double>(i + 1);
    std::string detail = fmt::format(
        "epoch {}/{}, loss {:.3f}", steps.epoch + 1, steps.epochs, note.weight_loss / done);
    if (note.architecture_loss)
      detail += fmt::format(", of the architecture {:.3f}", *note.architecture_loss / done);
    context.progress.advance({task,
                              static_cast<double>(steps.epoch * count + i + 1),
                              static_cast<double>(steps.epochs * count),
                              detail});
  }
  note.weight_loss /= static_cast<double>(count);
  if (note.architecture_loss) *note.architecture_loss /= static_cast<double>(count);
  return note;
}

std::optional<objective::Scores> measured_anew(network::Network& network,
                                               const std::vector<Tensor>& coefficients,
                                               const std::vector<Tensor>& calibration,
                                               const Pictures& pictures,
                                               const core::Context& context,
                                               const std::string& name) {
  std::vector<Tensor> before;
  for (const auto& [own, buffer] : network.buffers()) before.push_back(buffer.clone());
  std::vector<std::vector<Tensor>> batches;
  for (const Tensor& batch : calibration) {
    batches.push_back({batch});
    batches.back().insert(batches.back().end(), coefficients.begin(), coefficients.end());
  }
  train::recalibrate(network, batches);
  auto scores = train::measure_on_pictures(
      network, pictures.validation, *pictures.task, context, name, coefficients);
  train::set_statistics(network, before);
  return scores;
}

std::optional<double> quality_of(const std::optional<objective::Scores>& scores,
                                 const task::Task& task) {
  if (!scores) return std::nullopt;
  return scores->at(std::string(task.deciding()));
}

}  // namespace parsimony::bilevel
