// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/data/dataset.h"
#include "parsimony/deploy/parity.h"
#include "parsimony/run/study_options.h"
#include "parsimony/study/store.h"
#include "parsimony/weights/tensor_file.h"

namespace parsimony::run {

// How a network becomes a model folder; the same for finalists of a study and for `parsimony
// train`.
struct ModelRequest {
  std::string name;
  study::TrialId trial = 0;  // 0: not of a study
  std::string genotype;
  graph::NetworkDescription network;  // but for the channels of the output, which are the task's
  weights::ArrayMap encoder_weights;  // for what begins with those alone
  FinalOptions options;
  evaluate::CostOptions cost;
  std::uint64_t seed = 1;
  TeacherOptions teacher = {};  // whom it learns from
  task::TaskOptions task = {};  // what it learns
  // A trained network to begin with instead, of this or another data set: its weights are taken
  // over where names and shapes agree, so that only what tells its classes apart starts anew.
  weights::ArrayMap initial = {};
  // Weights of the same network that are measured on the test split without any training, by the
  // name of the score that tells their mIoU (of segmentation only).
  std::map<std::string, weights::ArrayMap> untrained = {};
  std::vector<std::string> f1 = {};  // groups or classes whose F1 is a score, beside the data set's
  bool keep_aspect = false;          // deploy::ModelInterface::keep_aspect
  std::string from = {};             // which network the architecture is of, for the model card
};

// Trains a network from its encoder weights on the training split (resumable: the same call
// continues), measures it on the test split (on the validation split when there is no test split),
// exports it to ONNX, compares that with LibTorch in ONNX Runtime, and fills `folder`:
// weights.safetensors, model.onnx, model.json, README.md, metrics.json, samples/. nullopt when
// interrupted. Without ONNX Runtime the export is not compared and the model says so.
std::optional<study::FinalModel> make_model(const ModelRequest& request,
                                            const data::Dataset& dataset,
                                            const std::filesystem::path& folder,
                                            const core::Context& context);

// Several models of one data set. The operations of a small network are too short to gain much from
// threads: `at_once` networks are trained side by side, each with its share of the context's
// threads. What wants the machine for itself, as a measurement of latency does, follows when all
// are trained, one by one (where they are trained one by one, behind each training). `done` is
// called with every model. A training that fails keeps no other from becoming a model; its error
// comes at the end. False when interrupted.
//
// `trainings_at_once`: how many of `networks` the options want side by side.
int trainings_at_once(const FinalOptions& options,
                      std::int64_t networks,
                      const core::Context& context);
struct ModelJob {
  ModelRequest request;
  std::filesystem::path folder;
};
bool make_models(const std::vector<ModelJob>& jobs,
                 const data::Dataset& dataset,
                 int at_once,
                 const core::Context& context,
                 const std::function<void(const study::FinalModel&)>& done);

// Exports the network of a model folder again, with another interface, and compares the file with
// LibTorch on a random picture. A user error when ONNX Runtime is missing.
struct ExportRequest {
  std::filesystem::path model;                        // folder
  std::filesystem::path file;                         // ONNX file to write
  std::optional<graph::Size> picture = std::nullopt;  // what is not set stays as in the model card
  std::optional<deploy::OutputKind> output = std::nullopt;
  std::optional<bool> normalise_inside = std::nullopt;
};
deploy::Parity export_model(const ExportRequest& request);

}  // namespace parsimony::run
