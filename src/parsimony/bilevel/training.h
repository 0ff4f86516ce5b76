// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "parsimony/bilevel/gradients.h"
#include "parsimony/bilevel/pictures.h"
#include "parsimony/bilevel/relaxation.h"
#include "parsimony/core/context.h"
#include "parsimony/differentiable/history.h"
#include "parsimony/differentiable/search_options.h"
#include "parsimony/train/optimizer.h"

namespace parsimony::bilevel {

// Both levels of a search while it trains: weights by SGD whose rate falls as a cosine, the
// architecture by Adam. What changes is in checkpoints, so that a search that is continued equals
// one that was never interrupted.
class Training {
 public:
  Training(Relaxation& relaxation,
           const differentiable::WeightOptimizerOptions& weights,
           const differentiable::ArchitectureOptimizerOptions& architecture);

  Relaxation& relaxation() { return relaxation_; }
  void zero_weight_gradients() { weights_.zero_gradients(); }
  void zero_architecture_gradients() { architecture_.zero_gradients(); }
  void step_weights(double rate) { weights_.step(rate); }
  void step_architecture() { architecture_.step(); }
  // What the weights would do next at this rate.
  WeightStep next_step(double rate) const;
  double architecture_decay() const { return architecture_decay_; }
  void set_architecture_decay(double decay);

  // A file of the search's state and of `note`, what else the caller wants back. What is loaded has
  // to be of a search of the same `signature`, or it is a user error that names the file.
  void save(const std::filesystem::path& file,
            const std::string& signature,
            const std::string& note) const;
  std::string load(const std::filesystem::path& file, const std::string& signature);

 private:
  Relaxation& relaxation_;
  differentiable::WeightOptimizerOptions weight_options_;
  train::Optimizer weights_, architecture_;
  double architecture_decay_ = 0;
};

// Endless batches of both halves. Batch i of the search is the same whatever came before.
class Lessons {
 public:
  Lessons(const Pictures& pictures,
          const data::AugmentOptions& augment,
          std::int64_t batch,
          const core::Rng& rng,
          int threads);
  std::int64_t steps_per_epoch() const { return weights_.batches_per_epoch(); }
  const task::Task& task() const { return *task_; }
  train::Batch for_weights(int epoch, std::int64_t step);
  train::Batch for_architecture(int epoch, std::int64_t step);
  // The first `count` batches of the weights' half, or all that there are in an epoch.
  std::vector<Tensor> calibration(int count);
  // A fixed subset of the architecture's half.
  std::vector<train::Batch> probe(int count);

 private:
  std::shared_ptr<const task::Task> task_;
  train::BatchStream weights_, architecture_;
};

// One epoch of a search.
struct EpochSteps {
  int epoch = 0, epochs = 1;
  double rate = 0;  // of the weights
  // Adds the architecture's gradient for one step, all that it wants beside the loss included, and
  // gives the loss; nothing while the architecture rests.
  std::function<double(const Lesson& weights, const Lesson& architecture)> architecture = nullptr;
  // The coefficients that a step of the weights is made at.
  std::function<std::vector<Tensor>(const Lesson& weights)> coefficients;
};
// All but what is done in its steps.
EpochSteps epoch_steps(const differentiable::EpochOptions& options, int epoch);
// Its number and losses. Nothing when interrupted; then the search goes on from its last
// checkpoint. A user error when a loss is no number any more.
std::optional<differentiable::EpochNote> run_epoch(Training& training,
                                                   Lessons& lessons,
                                                   const EpochSteps& steps,
                                                   const core::Rng& rng,
                                                   const core::Context& context,
                                                   const std::string& task);

// What a network makes of the validation pictures at these coefficients, with new statistics of
// batch norms from training pictures, after which the network is what it was. Nothing when
// interrupted.
std::optional<objective::Scores> measured_anew(network::Network& network,
                                               const std::vector<Tensor>& coefficients,
                                               const std::vector<Tensor>& calibration,
                                               const Pictures& pictures,
                                               const core::Context& context,
                                               const std::string& name);

// The task's deciding score; nothing where nothing was measured.
std::optional<double> quality_of(const std::optional<objective::Scores>& scores,
                                 const task::Task& task);

}  // namespace parsimony::bilevel
