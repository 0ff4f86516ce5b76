// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/core/fields.h"
#include "parsimony/data/augment.h"
#include "parsimony/network/network.h"
#include "parsimony/task/task.h"
#include "parsimony/train/feature_cache.h"
#include "parsimony/train/optimizer.h"

namespace parsimony::train {

// Stage 0: the decoder alone, on cached features of a frozen encoder. Defaults are the published
// ones (Nekrasov et al., CVPR 2019; numbers from its reference code, spec rl-cell-search 6.2-6.5).
struct Stage0Options {
  int epochs = 5;               // 0: no stage 0
  int validate_every = 5;       // epochs between validations
  std::int64_t samples = 4000;  // augmented crops in the cache
  std::int64_t batch = 64;
  data::AugmentOptions augment;  // crop 256, shorter side 300
  OptimizerOptions decoder;      // Adam, 3e-3
  task::DistillationOptions distillation = {};
  double auxiliary = 0.15;  // weight of each auxiliary loss
  double polyak = 0.9;      // decay of the average of weights; 0: none
  void visit(core::FieldVisitor& v);
};

// Stage 1: encoder and decoder end to end, on pictures.
struct Stage1Options {
  int epochs = 1;  // 0: no stage 1
  int validate_every = 1;
  std::int64_t batch = 32;
  data::AugmentOptions augment{.crop = 350, .shorter_side = 400};
  OptimizerOptions encoder{.kind = OptimizerKind::kSgd, .rate = 1e-3, .weight_decay = 1e-5};
  OptimizerOptions decoder;
  double auxiliary = 0.15;
  double polyak = 0.99;
  void visit(core::FieldVisitor& v);
};

// What a validation within training decides.
using Validation = std::function<bool(int stage, int index, const objective::Scores& scores)>;

enum class TrainingEnd { kFinished, kStoppedEarly, kDiverged, kInterrupted, kTimedOut };

// Why and where the training of a candidate ended, and the last scores it reached.
struct TrainingResult {
  TrainingEnd end = TrainingEnd::kFinished;
  int stage = 0;
  int epoch = 0;
  std::optional<objective::Scores> scores;
};

// When a training has to give up.
struct Limits {
  const core::StopFlag& stop;
  std::optional<std::chrono::steady_clock::time_point> deadline;
};

// Trains `decoder` in place on `features`, validating on `validation_features`. `tap_of_input[i]`
// says which cached tap the decoder's i-th input is.
TrainingResult train_stage0(network::Network& decoder,
                            const std::vector<std::size_t>& tap_of_input,
                            const FeatureBatch& features,
                            const std::vector<FeatureBatch>& validation_features,
                            const task::Task& task,
                            const Stage0Options& options,
                            core::Rng rng,
                            const Limits& limits,
                            const Validation& validation);

// Trains the whole network in place on augmented pictures, validating on `validation_views`.
TrainingResult train_stage1(network::Network& network,
                            const std::vector<data::Sample>& samples,
                            const std::vector<data::Sample>& validation_views,
                            const task::Task& task,
                            const Stage1Options& options,
                            core::Rng rng,
                            const Limits& limits,
                            const Validation& validation);

}  // namespace parsimony::train
