// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "parsimony/cli/application.h"
#include "parsimony/cli/command.h"
#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/data/codec.h"
#include "parsimony/data/depth_coding.h"
#include "parsimony/run/model.h"

namespace parsimony::cli {
namespace {

namespace fs = std::filesystem;

constexpr double kMillimetres = 1000;  // a metre

bool is_picture(const fs::path& file) {
  std::string extension = file.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](unsigned char c) {
    return std::tolower(c);
  });
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

std::vector<fs::path> pictures_of(const std::vector<std::string>& inputs) {
  std::vector<fs::path> files;
  for (const std::string& input : inputs) {
    if (!fs::exists(input))
      core::throw_user_error("{}: does not exist; expected a picture or a folder of pictures",
                             input);
    if (!fs::is_directory(input)) {
      files.emplace_back(input);
      continue;
    }
    const std::size_t before = files.size();
    for (const auto& entry : fs::directory_iterator(input)) {
      if (entry.is_regular_file() && is_picture(entry.path())) files.push_back(entry.path());
    }
    if (files.size() == before) core::throw_user_error("{}: holds no .jpg or .png pictures", input);
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(before), files.end());
  }
  return files;
}

// What was predicted, for programs.
void write_numbers(const std::string& stem,
                   const task::Prediction& prediction,
                   const data::DatasetInfo& info) {
  if (!prediction.classes.ids.empty())
    data::write_label_png(stem + "_mask.png", prediction.classes, info.palette);
  if (!prediction.depth.metres.empty())
    data::write_depth_png(stem + "_depth.png", prediction.depth, kMillimetres);
  if (prediction.joints.empty()) return;
  nlohmann::ordered_json joints = nlohmann::ordered_json::array();
  for (std::size_t j = 0; j < prediction.joints.size(); ++j) {
    const auto& [x, y, confidence] = prediction.joints[j];
    joints.push_back(
        {{"joint", info.skeleton.joints.at(j)}, {"x", x}, {"y", y}, {"confidence", confidence}});
  }
  core::write_file_atomic(stem + "_joints.json", joints.dump(1) + "\n");
}

}  // namespace

Action declare_predict(CLI::App& app) {
  struct Arguments {
    std::string model, folder = "predictions";
    std::vector<std::string> inputs;
    double opacity = 0.5;
  };
  auto arguments = std::make_shared<Arguments>();
  app.add_option("MODEL", arguments->model, "model folder, or an .onnx file")->required();
  app.add_option("PICTURES", arguments->inputs, "pictures or folders of pictures (JPEG, PNG)")
      ->required();
  app.add_option(
         "--out",
         arguments->folder,
         "folder for NAME_overlay.png and, as the model's task is, NAME_mask.png (class ids), "
         "NAME_depth.png (16 bits, millimetres) or NAME_joints.json")
      ->capture_default_str();
  app.add_option("--opacity", arguments->opacity, "of the colours in the overlay")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  return [arguments](Environment& environment) {
    const std::vector<fs::path> files = pictures_of(arguments->inputs);
    const auto model = run::open_model(arguments->model, environment.context.threads);
    fs::create_directories(arguments->folder);
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (environment.context.stop.requested()) return kInterrupted;
      const data::Image picture = data::read_image(files[i]);
      const task::Prediction prediction = model->predict(picture);
      const std::string stem = (fs::path(arguments->folder) / files[i].stem()).string();
      write_numbers(stem, prediction, model->task().info);
      const data::Sample labels = run::as_labels(picture, prediction);
      data::write_png(
          stem + "_overlay.png",
          run::drawn(
              labels, model->task().info, data::depth_range({&labels.depth}), arguments->opacity));
      environment.context.progress.advance(
          {"pictures", static_cast<double>(i + 1), static_cast<double>(files.size()), ""});
    }
    fmt::print("{} pictures in {}\n", files.size(), arguments->folder);
    return kDone;
  };
}

}  // namespace parsimony::cli
