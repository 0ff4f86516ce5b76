// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/graph/graph.h"
#include "parsimony/network/network.h"
#include "parsimony/train/trainer.h"
#include "parsimony/weights/tensor_file.h"

namespace parsimony::run {

// The full training of a network that other networks start from: an encoder's pre-training, a
// study's start network. Everything that decides its result.
struct KeptTraining {
  graph::Graph network;  // simplified
  std::shared_ptr<const task::Task> task;
  std::string task_options;   // what decides how the task is learned, as text
  weights::ArrayMap initial;  // encoder weights it starts from; empty: random ones
  train::TrainerOptions training;
  std::uint64_t seed = 1;
  network::Network* teacher = nullptr;  // that it learns from, of the same task; null: none
};

// Trains, or takes the result over from where it was kept: `folder`/weights.safetensors, where an
// earlier session of the same study left it, else (when `reuse`) the cache folder of this machine
// (weights/cache.h), where the file's name is a digest of the training, the pictures and the
// version of the program. Leaves it in both. An interrupted training continues from its checkpoint
// in `folder`; nullopt when it was interrupted now. A training that diverges is a user error that
// names `options_name`, the study's options for it.
std::optional<network::Network> train_or_take_over(const KeptTraining& what,
                                                   const std::vector<data::Sample>& samples,
                                                   const std::vector<data::Sample>& validation,
                                                   const std::filesystem::path& folder,
                                                   bool reuse,
                                                   const std::string& name,
                                                   const std::string& options_name,
                                                   const core::Context& context);

}  // namespace parsimony::run
