// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/data/dataset.h"
#include "parsimony/data/drawing.h"
#include "parsimony/deploy/model_card.h"
#include "parsimony/network/network.h"
#include "parsimony/run/model_task.h"
#include "parsimony/task/task.h"

namespace parsimony::run {

// A trained network that says something of pictures, whatever runs it. One thread at a time.
class Model {
 public:
  virtual ~Model() = default;
  virtual const ModelTask& task() const = 0;
  virtual std::string description() const = 0;  // "models/17 in LibTorch"
  // At the picture's size. A picture of another size than the network's is brought to it as the
  // model's interface says (bicubic); what the network says is brought back.
  virtual task::Prediction predict(const data::Image& picture) = 0;
};

// A model folder (weights through LibTorch) or an ONNX file (through ONNX Runtime). An ONNX file of
// Parsimony says how it wants its pictures, in the model.json beside it; of another, classes
// without names and `mean / deviation` normalisation of ImageNet are assumed.
std::unique_ptr<Model> open_model(const std::filesystem::path& path, int threads);

// The network of a model folder as its card describes it, with its weights.
struct LoadedNetwork {
  deploy::ModelCard card;
  network::Network network;
};
LoadedNetwork load_network(const std::filesystem::path& folder, at::Device device = at::kCPU);

// A network in memory as a model.
std::unique_ptr<Model> as_model(LoadedNetwork loaded, std::string description);

// A picture as a network with this interface wants it: of its size, and as [3, H, W] values.
data::Image fitted_picture(const data::Image& picture, const deploy::ModelInterface& interface);
std::vector<float> input_values(const data::Image& picture,
                                const deploy::ModelInterface& interface);

// What a model reaches on a split, at the labels' own size.
struct ModelQuality {
  objective::Scores scores;  // task::Measurement::scores()
  task::Details details;
  std::int64_t pictures = 0;
};
// Trained networks are measured on the test split, on the validation split of a set without one.
data::Split measured_split(const data::Dataset& dataset);
// `groups`: of classes, whose F1 is scored. nullopt when interrupted. User errors of task_on().
std::optional<ModelQuality> evaluate_model(Model& model,
                                           const data::Dataset& dataset,
                                           data::Split split,
                                           const std::vector<data::ClassGroup>& groups,
                                           const core::Context& context);

// {"miou", ..., "iou": [..], "images", "classes", ...}: scores, lists by class or joint (null for
// one that does not occur), F1 of groups under "groups", and the names of what lists are of.
std::string metrics_json(const ModelQuality& quality, const data::DatasetInfo& info);

// What labels say, as pictures: classes painted, `opacity` < 1 letting the picture through; depth
// as colours of `range` with a scale; a pose drawn into the picture. Several are stacked.
data::Image drawn(const data::Sample& labelled,
                  const data::DatasetInfo& info,
                  const data::DepthRange& range,
                  double opacity = 1);

// A prediction in the place of labels.
data::Sample as_labels(const data::Image& picture, const task::Prediction& prediction);

}  // namespace parsimony::run
