// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/data/dataset.h"
#include "parsimony/deploy/model_card.h"
#include "parsimony/metric/confusion.h"
#include "parsimony/network/network.h"

namespace parsimony::run {

// A trained network that turns pictures into class maps, whatever runs it. One thread at a time.
class Model {
 public:
  virtual ~Model() = default;
  virtual int classes() const = 0;
  // Names and display colours, where the model knows them; else empty.
  virtual std::vector<deploy::ModelClass> class_table() const = 0;
  virtual std::string description() const = 0;  // "models/17 in LibTorch"
  // Class ids of the picture's size. A picture of another size than the network's is resized to it
  // (bicubic), and the logits are resized back (bilinear).
  virtual data::LabelMap predict(const data::Image& picture) = 0;
};

// A model folder (weights through LibTorch) or an ONNX file (through ONNX Runtime). An ONNX file of
// Parsimony says how it wants its pictures; of another, `mean / deviation` normalisation of
// ImageNet is assumed.
std::unique_ptr<Model> open_model(const std::filesystem::path& path, int threads);

// The network of a model folder as its card describes it, with its weights.
struct LoadedNetwork {
  deploy::ModelCard card;
  network::Network network;
};
LoadedNetwork load_network(const std::filesystem::path& folder, at::Device device = at::kCPU);

// A network in memory as a model.
std::unique_ptr<Model> as_model(LoadedNetwork loaded, std::string description);

// A picture as a network with this interface wants it: [3, H, W] values, resized to its size where
// needed.
std::vector<float> input_values(const data::Image& picture,
                                const deploy::ModelInterface& interface);

// The confusion matrix of a model over a split, all pixels counted at the labels' own size.
metric::ConfusionMatrix evaluate_model(Model& model,
                                       const data::Dataset& dataset,
                                       data::Split split,
                                       const core::Context& context);

// {"miou", "iou": [..], "pixel_accuracy", "mean_accuracy", "images", ...}; an IoU is null for a
// class that occurs in neither labels nor predictions. "groups" is the F1 of each group.
std::string metrics_json(const metric::ConfusionMatrix& matrix,
                         const std::vector<std::string>& classes,
                         const std::vector<data::ClassGroup>& groups,
                         std::int64_t images);

// A class map painted with the classes' colours; `opacity` < 1 lets the picture through.
data::Image paint(const data::LabelMap& labels,
                  const data::Image& picture,
                  const std::vector<data::Rgb>& palette,
                  double opacity);

}  // namespace parsimony::run
