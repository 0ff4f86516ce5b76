// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>

#include "parsimony/cli/application.h"
#include "parsimony/cli/command.h"
#include "parsimony/core/error.h"
#include "parsimony/data/codec.h"
#include "parsimony/data/palette.h"
#include "parsimony/run/model.h"

namespace parsimony::cli {
namespace {

namespace fs = std::filesystem;

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
         "--out", arguments->folder, "folder for NAME_mask.png (class ids) and NAME_overlay.png")
      ->capture_default_str();
  app.add_option("--opacity", arguments->opacity, "of the colours in the overlay")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  return [arguments](Environment& environment) {
    const std::vector<fs::path> files = pictures_of(arguments->inputs);
    const auto model = run::open_model(arguments->model, environment.context.threads);
    std::vector<data::Rgb> palette;
    for (const auto& entry : model->class_table())
      palette.push_back({entry.color[0], entry.color[1], entry.color[2]});
    if (palette.empty()) palette = data::voc_palette(static_cast<std::size_t>(model->classes()));
    fs::create_directories(arguments->folder);
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (environment.context.stop.requested()) return kInterrupted;
      const data::Image picture = data::read_image(files[i]);
      const data::LabelMap labels = model->predict(picture);
      const fs::path stem = fs::path(arguments->folder) / files[i].stem();
      data::write_label_png(stem.string() + "_mask.png", labels, palette);
      data::write_png(stem.string() + "_overlay.png",
                      run::paint(labels, picture, palette, arguments->opacity));
      environment.context.progress.advance(
          {"pictures", static_cast<double>(i + 1), static_cast<double>(files.size()), ""});
    }
    fmt::print("{} pictures in {}\n", files.size(), arguments->folder);
    return kDone;
  };
}

}  // namespace parsimony::cli
