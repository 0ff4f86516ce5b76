// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/model.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "parsimony/core/error.h"
#include "parsimony/data/augment.h"
#include "parsimony/deploy/ort.h"
#include "parsimony/network/network.h"
#include "parsimony/train/images.h"
#include "parsimony/weights/safetensors.h"

namespace parsimony::run {
namespace {

namespace fs = std::filesystem;
using deploy::ModelInterface;
using task::Prediction;

// The part of a map that shows the picture.
template <typename Map>
Map cut(const Map& map, const data::Placement& place) {
  Map part(place.width, place.height);
  for (std::int64_t y = 0; y < place.height; ++y) {
    for (std::int64_t x = 0; x < place.width; ++x)
      part.at(x, y) = map.at(place.left + x, place.top + y);
  }
  return part;
}

double scaled(double position, std::int64_t from, std::int64_t to) {
  return (position + 0.5) * static_cast<double>(to) / static_cast<double>(from) - 0.5;
}

// What was said of the padded picture, of the picture itself.
Prediction without_padding(Prediction framed,
                           const data::Placement& place,
                           const data::Image& picture) {
  Prediction prediction;
  if (!framed.classes.ids.empty())
    prediction.classes =
        data::resize_nearest(cut(framed.classes, place), picture.width, picture.height);
  if (!framed.depth.metres.empty())
    prediction.depth =
        data::resize_nearest(cut(framed.depth, place), picture.width, picture.height);
  prediction.joints = std::move(framed.joints);
  for (metric::FoundJoint& joint : prediction.joints) {
    joint.x = scaled(joint.x - static_cast<double>(place.left), place.width, picture.width);
    joint.y = scaled(joint.y - static_cast<double>(place.top), place.height, picture.height);
  }
  return prediction;
}

// Of a network's output [1, C, h, w] for this picture.
Prediction prediction_of(const network::Tensor& output,
                         const task::Task& task,
                         const ModelInterface& interface,
                         const data::Image& picture) {
  Prediction prediction;
  const bool same_size = picture.height == interface.height && picture.width == interface.width;
  if (same_size || !interface.keep_aspect) {
    task.predict(output, picture.height, picture.width, prediction);
    return prediction;
  }
  task.predict(output, interface.height, interface.width, prediction);
  return without_padding(
      std::move(prediction),
      data::placed(picture.width, picture.height, interface.width, interface.height),
      picture);
}

class TorchModel final : public Model {
 public:
  TorchModel(LoadedNetwork loaded, std::string description)
      : interface_(loaded.card.interface),
        model_(task_of(loaded.card)),
        task_(task::make_task(model_.options, model_.info)),
        network_(std::move(loaded.network)),
        description_(std::move(description)) {}

  const ModelTask& task() const override { return model_; }
  std::string description() const override { return description_; }

  Prediction predict(const data::Image& picture) override {
    const at::NoGradGuard no_grad;
    const train::Batch batch = train::to_batch({{.image = fitted_picture(picture, interface_)}});
    const network::Tensor output = network_.logits({batch.pictures}, network::Phase::kEvaluation);
    return prediction_of(output, *task_, interface_, picture);
  }

 private:
  ModelInterface interface_;
  ModelTask model_;
  std::shared_ptr<const task::Task> task_;
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
    if (fs::exists(file.parent_path() / "model.json")) {
      const deploy::ModelCard card = deploy::read_model_card(file.parent_path() / "model.json");
      interface_ = card.interface;
      model_ = task_of(card);
    } else {
      const auto& output = session_.outputs().at(0).shape;
      model_ = unnamed_classes(output.size() == 4 ? output[1] : 0);
    }
    interface_.height = static_cast<int>(shape[2]);
    interface_.width = static_cast<int>(shape[3]);
    task_ = task::make_task(model_.options, model_.info);
  }

  const ModelTask& task() const override { return model_; }
  std::string description() const override { return file_.string() + " in " + session_.runtime(); }

  Prediction predict(const data::Image& picture) override {
    const deploy::OrtRun run = session_.run(
        {{1, 3, interface_.height, interface_.width}, input_values(picture, interface_)});
    const deploy::RuntimeArray& out = run.outputs.begin()->second;
    if (out.shape.size() == 4) {
      const at::NoGradGuard no_grad;
      const network::Tensor output =
          at::from_blob(const_cast<float*>(out.values.data()), out.shape, at::kFloat);
      return prediction_of(output, *task_, interface_, picture);
    }
    data::LabelMap ids(interface_.width, interface_.height);
    for (std::size_t i = 0; i < ids.ids.size(); ++i)
      ids.ids[i] = static_cast<std::uint8_t>(out.values[i]);
    data::Placement place{.width = ids.width, .height = ids.height};
    if (interface_.keep_aspect)
      place = data::placed(picture.width, picture.height, ids.width, ids.height);
    Prediction framed;
    framed.classes = std::move(ids);
    return without_padding(std::move(framed), place, picture);
  }

 private:
  fs::path file_;
  deploy::OrtSession session_;
  ModelInterface interface_;
  ModelTask model_;
  std::shared_ptr<const task::Task> task_;
};

// Pictures of equal width one below the other.
data::Image stacked(const std::vector<data::Image>& parts) {
  data::Image all(parts.at(0).width, 0);
  for (const data::Image& part : parts) {
    core::require(part.width == all.width, "pictures of different widths are to be stacked");
    all.height += part.height;
    all.pixels.insert(all.pixels.end(), part.pixels.begin(), part.pixels.end());
  }
  return all;
}

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

data::Image fitted_picture(const data::Image& picture, const ModelInterface& interface) {
  if (picture.height == interface.height && picture.width == interface.width) return picture;
  if (interface.keep_aspect)
    return data::fitted({.image = picture}, interface.width, interface.height).image;
  return data::resize_bicubic(picture, interface.width, interface.height);
}

std::vector<float> input_values(const data::Image& picture, const ModelInterface& interface) {
  const data::Image image = fitted_picture(picture, interface);
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

data::Split measured_split(const data::Dataset& dataset) {
  return dataset.size(data::Split::kTest) > 0 ? data::Split::kTest : data::Split::kVal;
}

std::optional<ModelQuality> evaluate_model(Model& model,
                                           const data::Dataset& dataset,
                                           data::Split split,
                                           const std::vector<data::ClassGroup>& groups,
                                           const core::Context& context) {
  const std::shared_ptr<const task::Task> task = task_on(model.task(), dataset.info(), groups);
  const auto measurement = task->measurement(network::Kernels::kFast);
  const std::int64_t pictures = dataset.size(split);
  for (std::int64_t i = 0; i < pictures; ++i) {
    if (context.stop.requested()) return std::nullopt;
    const data::Sample sample = dataset.read(split, i);
    measurement->add(model.predict(sample.image), sample);
    context.progress.advance(
        {"evaluation", static_cast<double>(i + 1), static_cast<double>(pictures), ""});
  }
  return ModelQuality{measurement->scores(), measurement->details(), pictures};
}

std::string metrics_json(const ModelQuality& quality, const data::DatasetInfo& info) {
  nlohmann::ordered_json json;
  for (const auto& [name, value] : quality.scores) {
    if (name.starts_with(objective::kF1Of)) {
      json["groups"][name.substr(objective::kF1Of.size())] = value;
    } else {
      json[name] = value;
    }
  }
  for (const auto& [name, values] : quality.details) {
    json[name] = nlohmann::ordered_json::array();
    for (const std::optional<double>& value : values)
      json[name].push_back(value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json());
  }
  json["images"] = quality.pictures;
  if (quality.details.contains("iou")) json["classes"] = info.classes;
  if (quality.details.contains("pck_of_joints")) json["joints"] = info.skeleton.joints;
  return json.dump();
}

data::Image drawn(const data::Sample& labelled,
                  const data::DatasetInfo& info,
                  const data::DepthRange& range,
                  double opacity) {
  std::vector<data::Image> parts;
  if (labelled.depth.width > 0)
    parts.push_back(data::with_depth_scale(data::depth_colours(labelled.depth, range), range));
  if (labelled.labels.width > 0)
    parts.push_back(data::painted(labelled.labels, labelled.image, info.palette, opacity));
  if (labelled.pose)
    parts.push_back(data::with_pose(labelled.image, *labelled.pose, info.skeleton));
  return stacked(parts);
}

data::Sample as_labels(const data::Image& picture, const Prediction& prediction) {
  data::Sample sample{.image = picture, .labels = prediction.classes, .depth = prediction.depth};
  if (prediction.joints.empty()) return sample;
  sample.pose.emplace();
  for (const metric::FoundJoint& joint : prediction.joints) {
    sample.pose->joints.push_back(
        {static_cast<float>(joint.x), static_cast<float>(joint.y), data::Visibility::kVisible});
  }
  return sample;
}

}  // namespace parsimony::run
