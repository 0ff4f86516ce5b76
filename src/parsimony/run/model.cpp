// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/model.h"

#include <nlohmann/json.hpp>

#include "parsimony/core/error.h"
#include "parsimony/data/augment.h"
#include "parsimony/deploy/ort.h"
#include "parsimony/network/network.h"
#include "parsimony/network/pixel_classes.h"
#include "parsimony/train/images.h"
#include "parsimony/weights/safetensors.h"

namespace parsimony::run {
namespace {

namespace fs = std::filesystem;

data::Sample fitted(const data::Image& picture, graph::Size size) {
  const bool fits = picture.height == size.height && picture.width == size.width;
  data::Image image = fits ? picture : data::resize_bicubic(picture, size.width, size.height);
  return {std::move(image), data::LabelMap(size.width, size.height)};
}

network::Tensor classes_of(const network::Tensor& logits, const data::Image& picture) {
  return network::pixel_classes(logits, picture.height, picture.width, network::Kernels::kFast);
}

data::LabelMap to_label_map(const network::Tensor& classes) {
  data::LabelMap map(classes.size(2), classes.size(1));
  std::copy_n(classes.data_ptr<std::uint8_t>(), classes.numel(), map.ids.begin());
  return map;
}

class TorchModel final : public Model {
 public:
  TorchModel(LoadedNetwork loaded, std::string description)
      : card_(std::move(loaded.card)),
        network_(std::move(loaded.network)),
        description_(std::move(description)) {}

  int classes() const override { return static_cast<int>(card_.classes.size()); }
  std::vector<deploy::ModelClass> class_table() const override { return card_.classes; }
  std::string description() const override { return description_; }

  data::LabelMap predict(const data::Image& picture) override {
    const at::NoGradGuard no_grad;
    const train::Batch batch = train::to_batch({fitted(picture, card_.interface.picture())});
    const network::Tensor logits = network_.logits({batch.pictures}, network::Phase::kEvaluation);
    return to_label_map(classes_of(logits, picture));
  }

 private:
  deploy::ModelCard card_;
  network::Network network_;
  std::string description_;
};

class OnnxModel final : public Model {
 public:
  OnnxModel(const fs::path& file, int threads) : file_(file), session_(file, {.threads = threads}) {
    const auto& shape = session_.input().shape;
    if (shape.size() != 4 || shape[1] != 3 || shape[2] <= 0 || shape[3] <= 0) {
      core::throw_user_error(
          "{}: expected one input [1, 3, height, width] of fixed size, found [{}]",
          file.string(),
          fmt::join(shape, ", "));
    }
    size_ = {shape[2], shape[3]};
    if (fs::exists(file.parent_path() / "model.json")) {
      card_ = deploy::read_model_card(file.parent_path() / "model.json");
      interface_ = card_->interface;
    }
    interface_.height = static_cast<int>(size_.height);
    interface_.width = static_cast<int>(size_.width);
  }

  int classes() const override {
    if (card_) return static_cast<int>(card_->classes.size());
    const auto& shape = session_.outputs().at(0).shape;
    if (shape.size() != 4) {
      core::throw_user_error(
          "{}: gives class ids and has no model.json beside it, so the number of classes is unknown",
          file_.string());
    }
    return static_cast<int>(shape[1]);
  }
  std::vector<deploy::ModelClass> class_table() const override {
    return card_ ? card_->classes : std::vector<deploy::ModelClass>{};
  }
  std::string description() const override { return file_.string() + " in " + session_.runtime(); }

  data::LabelMap predict(const data::Image& picture) override {
    const deploy::OrtRun run =
        session_.run({{1, 3, size_.height, size_.width}, input_values(picture, interface_)});
    const deploy::RuntimeArray& out = run.outputs.begin()->second;
    const at::NoGradGuard no_grad;
    const network::Tensor values =
        at::from_blob(const_cast<float*>(out.values.data()), out.shape, at::kFloat);
    if (out.shape.size() == 4) return to_label_map(classes_of(values, picture));
    data::LabelMap ids(size_.width, size_.height);
    for (std::size_t i = 0; i < ids.ids.size(); ++i)
      ids.ids[i] = static_cast<std::uint8_t>(out.values[i]);
    return data::resize_nearest(ids, picture.width, picture.height);
  }

 private:
  fs::path file_;
  deploy::OrtSession session_;
  std::optional<deploy::ModelCard> card_;
  deploy::ModelInterface interface_;
  graph::Size size_;
};

}  // namespace

LoadedNetwork load_network(const fs::path& folder, at::Device device) {
  deploy::ModelCard card = deploy::read_model_card(folder / "model.json");
  const graph::Graph whole =
      graph::simplified_network(space::parse_genotype(card.genotype), card.description());
  network::Network network(whole, core::Rng(0), {.device = device});
  const fs::path file = folder / "weights.safetensors";
  network.load(weights::read_safetensors(file), file.string());
  return {std::move(card), std::move(network)};
}

std::unique_ptr<Model> as_model(LoadedNetwork loaded, std::string description) {
  return std::make_unique<TorchModel>(std::move(loaded), std::move(description));
}

std::vector<float> input_values(const data::Image& picture,
                                const deploy::ModelInterface& interface) {
  const data::Image image = fitted(picture, interface.picture()).image;
  const std::int64_t plane = image.width * image.height;
  std::vector<float> values(static_cast<std::size_t>(3 * plane));
  for (std::int64_t i = 0; i < plane; ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      const double value = image.pixels[static_cast<std::size_t>(3 * i) + c];
      const double normalised = (value / 255 - interface.mean[c]) / interface.deviation[c];
      values[c * static_cast<std::size_t>(plane) + static_cast<std::size_t>(i)] =
          static_cast<float>(interface.normalise_inside ? value : normalised);
    }
  }
  return values;
}

std::unique_ptr<Model> open_model(const fs::path& path, int threads) {
  if (fs::is_directory(path)) return as_model(load_network(path), path.string() + " in LibTorch");
  if (path.extension() == ".onnx") return std::make_unique<OnnxModel>(path, threads);
  core::throw_user_error("{}: expected a model folder (with model.json) or an .onnx file{}",
                         path.string(),
                         fs::exists(path) ? "" : "; it does not exist");
}

metric::ConfusionMatrix evaluate_model(Model& model,
                                       const data::Dataset& dataset,
                                       data::Split split,
                                       const core::Context& context) {
  const auto classes = static_cast<int>(dataset.info().classes.size());
  if (model.classes() != classes) {
    core::throw_user_error("the model has {} classes, data set '{}' has {}",
                           model.classes(),
                           dataset.info().name,
                           classes);
  }
  metric::ConfusionMatrix matrix(classes);
  for (std::int64_t i = 0; i < dataset.size(split) && !context.stop.requested(); ++i) {
    const data::Sample sample = dataset.read(split, i);
    const data::LabelMap predicted = model.predict(sample.image);
    matrix.add(sample.labels.ids.data(),
               predicted.ids.data(),
               static_cast<std::int64_t>(predicted.ids.size()));
    context.progress.advance(
        {"evaluation", static_cast<double>(i + 1), static_cast<double>(dataset.size(split)), ""});
  }
  return matrix;
}

std::string metrics_json(const metric::ConfusionMatrix& matrix,
                         const std::vector<std::string>& classes,
                         const std::vector<data::ClassGroup>& groups,
                         std::int64_t images) {
  const auto number = [](const std::optional<double>& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
  };
  const metric::Quality quality = metric::quality(matrix);
  nlohmann::ordered_json json;
  json["miou"] = quality.miou;
  json["iou"] = nlohmann::ordered_json::array();
  for (int c = 0; c < matrix.classes(); ++c) {
    json["iou"].push_back(number(matrix.iou(c)));
  }
  json["f1"] = nlohmann::ordered_json::array();
  for (int c = 0; c < matrix.classes(); ++c) {
    json["f1"].push_back(number(matrix.f1({c})));
  }
  for (const data::ClassGroup& group : groups)
    json["groups"][group.name] = number(matrix.f1(group.classes));
  json["foreground_iou"] = quality.foreground_iou;
  json["pixel_accuracy"] = quality.pixel_accuracy;
  json["mean_accuracy"] = quality.mean_accuracy;
  json["fwiou"] = quality.fwiou;
  json["images"] = images;
  json["classes"] = classes;
  return json.dump();
}

data::Image paint(const data::LabelMap& labels,
                  const data::Image& picture,
                  const std::vector<data::Rgb>& palette,
                  double opacity) {
  data::Image painted = picture;
  for (std::size_t i = 0; i < labels.ids.size(); ++i) {
    const std::uint8_t id = labels.ids[i];
    const data::Rgb color = id < palette.size() ? palette[id] : data::Rgb{255, 255, 255};
    const std::uint8_t channels[] = {color.r, color.g, color.b};
    for (std::size_t c = 0; c < 3; ++c) {
      std::uint8_t& value = painted.pixels[3 * i + c];
      value = static_cast<std::uint8_t>(opacity * channels[c] + (1 - opacity) * value + 0.5);
    }
  }
  return painted;
}

}  // namespace parsimony::run
