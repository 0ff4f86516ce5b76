// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/core/fields.h"
#include "parsimony/data/augment.h"
#include "parsimony/network/network.h"
#include "parsimony/task/task.h"
#include "parsimony/train/optimizer.h"

namespace parsimony::train {

// What a teacher sees while its student trains on a crop: that crop, as augmented, which costs the
// teacher's forward pass each time; or the whole picture, once per training (train/teacher_maps.h).
enum class TeacherView { kPicture, kCrop };
inline constexpr std::array<std::string_view, 2> kTeacherViewNames = {"picture", "crop"};

// Full training of one network, encoder and decoder together. The published systems do not say how
// their final networks were trained; this is the usual recipe of compact segmentation networks:
// the loss at the labels' resolution, polynomial learning-rate decay, scale/mirror/crop
// augmentation.
struct TrainerOptions {
  int epochs = 60;
  std::int64_t batch = 8;
  int validate_every = 5;  // epochs; the best validated weights are kept
  data::AugmentOptions augment{
      .crop = 352, .shorter_side = 352, .scale_min = 0.5, .scale_max = 2.0};
  OptimizerOptions encoder{.kind = OptimizerKind::kAdam, .rate = 5e-4};
  OptimizerOptions decoder{.kind = OptimizerKind::kAdam, .rate = 3e-3};
  task::PixelLoss loss = task::PixelLoss::kCrossEntropy;  // of classes; auxiliary losses too
  network::HardPixels ohem = {};                          // of that loss
  double auxiliary = 0.15;                                // weight of each auxiliary loss
  double poly_power = 0.9;                                // rate x (1 - progress)^power
  task::DistillationOptions distillation = {};
  TeacherView teacher_view = TeacherView::kPicture;
  double warm_up = 0.02;  // share of the training in which the rate rises linearly from zero
  // Decay per step of a Polyak average of the weights, which is validated and kept in their place;
  // 0: none.
  double polyak = 0;
  void visit(core::FieldVisitor& v);
};

enum class TrainerEnd { kFinished, kDiverged, kInterrupted };

struct EpochRecord {
  int epoch = 0;
  double loss = 0;
  std::optional<double> quality;  // where validated: the task's deciding score
};

struct TrainerResult {
  TrainerEnd end = TrainerEnd::kFinished;
  int epochs = 0;   // completed, earlier sessions included
  double best = 0;  // the task's deciding score on the validation samples
  int best_epoch = 0;
  double seconds = 0;  // of training, earlier sessions included
  std::vector<EpochRecord> history;
};

// Trains in place and leaves the best validated weights in `network`. With a `checkpoint` file the
// state is saved after every epoch, and a training that finds one continues where it stopped: the
// result is the one of an uninterrupted run (on a CPU, bit by bit). The file is removed by the
// caller once the result is safe. A checkpoint of another network or other options is a user error.
//
// With a `teacher`, which maps the same pictures to outputs of the same task, the network learns
// from it as well. `name` is the training's, for progress.
TrainerResult train_fully(network::Network& network,
                          const std::vector<data::Sample>& samples,
                          const std::vector<data::Sample>& validation,
                          const task::Task& task,
                          const TrainerOptions& options,
                          core::Rng rng,
                          const std::filesystem::path& checkpoint,
                          const core::Context& context,
                          const std::string& name,
                          network::Network* teacher = nullptr);

}  // namespace parsimony::train
