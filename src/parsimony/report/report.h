// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "parsimony/differentiable/history.h"
#include "parsimony/graph/drawing.h"
#include "parsimony/graph/lower.h"
#include "parsimony/objective/objective.h"
#include "parsimony/objective/scalarization.h"
#include "parsimony/study/store.h"
#include "parsimony/study/trial.h"

namespace parsimony::report {

// A study told on one page: a self-contained HTML file that needs no network, made for a screen of
// any size, light and dark mode, and paper.
//
//   const auto file = write_report("runs/portraits");     // runs/portraits/report.html
//
// or, from values of any origin:
//
//   ReportData data{.title = "portraits"};
//   data.trials = store.trials();
//   core::write_file_atomic("report.html", render_report(data));

// An encoded picture as it was found on disk; no bytes when there is none.
struct Picture {
  std::string media_type = {};  // "image/png"
  std::vector<std::uint8_t> bytes = {};
  bool operator==(const Picture&) const = default;
};

// What a network makes of one test picture; label and prediction as pictures for people (classes in
// their colours, depth with a scale, poses drawn).
struct Sample {
  std::string name;
  Picture image, label, prediction;
};

// Over the whole test split. Figures of classes, from one confusion matrix, where `iou` is not
// empty.
struct TestMetrics {
  double miou = 0, pixel_accuracy = 0, mean_accuracy = 0;
  std::vector<std::optional<double>> iou = {};  // by class; nullopt for a class that never occurs
  std::vector<std::optional<double>> f1 = {};   // likewise
  std::vector<std::optional<double>> pck = {};  // by joint; empty where no pose is found
  std::int64_t images = 0;
};

// A network's architecture trained on another data set.
struct Transfer {
  std::string name;  // of its folder
  std::string dataset = {};
  bool from_weights = false;  // of the network; else from scratch
  std::vector<std::string> classes = {};
  std::optional<double> params = std::nullopt;
  TestMetrics metrics = {};
};

// A network that was trained to the end.
struct ReportedModel {
  study::FinalModel model;
  std::optional<TestMetrics> metrics = std::nullopt;
  // Largest difference of a logit between LibTorch and ONNX Runtime; nullopt when not compared.
  std::optional<double> onnx_difference = std::nullopt;
  std::vector<Sample> samples = {};
  std::vector<Transfer> transfers = {};
};

using Colour = std::array<std::uint8_t, 3>;

// A figure of the search over its trials: "entropy", "baseline".
using Curve = std::vector<std::pair<study::TrialId, double>>;

struct ReportData {
  std::string title;
  std::string version = {}, seed = {}, machine = {};
  std::string command = {};                            // reproduces the study
  std::string resolved_study = {};                     // YAML
  std::vector<objective::Objective> objectives = {};   // empty: reward and parameters
  std::vector<objective::Scalarization> rewards = {};  // that searches maximised, by setting
  std::vector<study::Trial> trials = {};
  std::vector<study::Trial> baseline =
      {};  // of a random search with the same budget, if one was run
  std::vector<study::Trial> scalings = {};  // the full network made smaller evenly, if it was
  std::vector<study::Event> events = {};
  std::vector<ReportedModel> models = {};
  objective::Scores constant = {};  // of the mean label, said of every test picture
  // By name, then by reward setting.
  std::map<std::string, std::map<int, Curve>> diagnostics = {};
  std::vector<std::string> classes = {};
  std::vector<std::string> joints = {};
  std::vector<Colour> palette = {};  // by class; missing ones are taken from the PASCAL VOC map
  graph::NetworkDescription network = {};  // of the candidates
  // Of a two-stage differentiable search; it says which of the trials were drawn at random.
  std::optional<differentiable::StudyHistory> two_stage = std::nullopt;
};

// The page. Everything in `data` is treated as text, never as markup.
std::string render_report(const ReportData& data);

// Collects what a store and a study folder hold; what is missing stays empty.
//  * state "report": a JSON object with any of "name" (of the study; without it the folder's),
//    "objectives" (names), "rewards" (texts), "command", "machine", "version", "seed", "classes",
//    "joints", "palette" ([[r,g,b], ...]) and "network" (options of graph::NetworkDescription, in YAML);
//  * state "constant": a JSON object of scores, what the mean label reaches on the test split;
//  * state "differentiable": what a two-stage search has seen (differentiable/history.h);
//  * events "diagnostics": a JSON object with "trial", "setting" where there are several, and any
//    figures, {"trial": 12, "entropy": 1.7};
//  * study.yaml (else state "study.yaml"), random/study.db and scalings/study.db: the baselines' own
//    stores;
//  * models/ID/transfer/NAME/{metrics,model}.json;
//  * models/ID/metrics.json, and samples/NAME_{image.jpg,label.png,prediction.png};
//  * score "onnx_difference" of a final model.
// Throws a user error that names the file when one of them cannot be understood.
ReportData load_report_data(const study::Store& store, const std::filesystem::path& study_folder);

// Writes report.html into the folder of a study and returns its path. A user error when the folder
// holds no study.db.
std::filesystem::path write_report(const std::filesystem::path& study_folder);

}  // namespace parsimony::report
