// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "parsimony/core/config.h"
#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/text.h"
#include "parsimony/report/report.h"

namespace parsimony::report {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json parse_json(const std::string& text, const std::string& origin) {
  json value = json::parse(text, nullptr, false);
  if (value.is_discarded() || !value.is_object())
    core::throw_user_error("{}: expected a JSON object", origin);
  return value;
}

// Reads an object's member when it is there; the wrong type is an error that names it.
template <typename Value>
void read(const json& object, const char* name, Value& value, const std::string& origin) {
  const auto member = object.find(name);
  if (member == object.end() || member->is_null()) return;
  try {
    value = member->get<Value>();
  } catch (const json::exception& error) {
    core::throw_user_error("{}: '{}' has an unexpected form: {}", origin, name, error.what());
  }
}

// The value of a top-level "seed: 7" of a YAML text.
std::string seed_in(const std::string& yaml) {
  constexpr std::string_view kKey = "seed:";
  for (const std::string& line : core::split(yaml, '\n')) {
    if (!line.starts_with(kKey)) continue;
    const std::string value = line.substr(kKey.size(), line.find('#') - kKey.size());
    return std::string(core::trim(value));
  }
  return {};
}

void read_report_state(const study::Store& store, ReportData& data) {
  const auto state = store.state("report");
  if (!state) return;
  const std::string origin = "the study's state 'report'";
  const json object = parse_json(*state, origin);
  read(object, "name", data.title, origin);
  read(object, "command", data.command, origin);
  read(object, "machine", data.machine, origin);
  read(object, "version", data.version, origin);
  read(object, "classes", data.classes, origin);
  read(object, "joints", data.joints, origin);
  read(object, "palette", data.palette, origin);
  std::string network = "{}";
  read(object, "network", network, origin);
  core::Config::from_text(network, origin + ", 'network'").read_into(data.network);
  if (const auto seed = object.find("seed"); seed != object.end()) {
    data.seed = seed->is_string() ? seed->get<std::string>() : seed->dump();
  }
  std::vector<std::string> objectives;
  read(object, "objectives", objectives, origin);
  data.objectives = objective::objectives_by_name(objectives);
  std::vector<std::string> rewards;
  read(object, "rewards", rewards, origin);
  for (const std::string& text : rewards)
    data.rewards.push_back(objective::parse_scalarization(text));
}

void read_constant(const study::Store& store, ReportData& data) {
  const auto state = store.state("constant");
  if (!state) return;
  const std::string origin = "the study's state 'constant'";
  const json scores = parse_json(*state, origin);
  for (const auto& [name, value] : scores.items()) {
    if (!value.is_number())
      core::throw_user_error("{}: '{}' is {}; expected a number", origin, name, value.dump());
    data.constant[name] = value.get<double>();
  }
}

void read_diagnostics(ReportData& data) {
  for (const study::Event& event : data.events) {
    if (event.kind != "diagnostics") continue;
    const std::string origin = fmt::format("event {} of the study", event.index);
    const json object = parse_json(event.text, origin);
    study::TrialId trial = 0;
    read(object, "trial", trial, origin);
    int setting = 0;
    read(object, "setting", setting, origin);
    for (const auto& [name, value] : object.items()) {
      if (name != "trial" && name != "setting" && value.is_number())
        data.diagnostics[name][setting].emplace_back(trial, value.get<double>());
    }
  }
  // Concurrent candidates finish in any order.
  for (auto& [name, curves] : data.diagnostics)
    for (auto& [setting, curve] : curves) std::ranges::sort(curve);
}

Picture read_picture(const fs::path& file) {
  if (!fs::exists(file)) return {};
  return {file.extension() == ".png" ? "image/png" : "image/jpeg", core::read_binary_file(file)};
}

std::vector<Sample> read_samples(const fs::path& folder) {
  constexpr std::string_view kEnd = "_prediction.png";
  std::vector<Sample> samples;
  if (!fs::is_directory(folder)) return samples;
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string file = entry.path().filename().string();
    if (file.ends_with(kEnd)) names.insert(file.substr(0, file.size() - kEnd.size()));
  }
  for (const std::string& name : names) {
    samples.push_back({name,
                       read_picture(folder / (name + "_image.jpg")),
                       read_picture(folder / (name + "_label.png")),
                       read_picture(folder / (name + "_prediction.png"))});
  }
  return samples;
}

// One value per class, null where it never occurs.
std::vector<std::optional<double>> read_by_class(const json& object,
                                                 const char* name,
                                                 const std::string& origin) {
  std::vector<json> values;
  read(object, name, values, origin);
  std::vector<std::optional<double>> result;
  for (const json& value : values) {
    if (!value.is_null() && !value.is_number())
      core::throw_user_error("{}: '{}' holds {}; expected numbers", origin, name, value.dump());
    result.push_back(value.is_null() ? std::nullopt : std::optional(value.get<double>()));
  }
  return result;
}

TestMetrics read_metrics(const json& object, const std::string& origin) {
  TestMetrics metrics;
  read(object, "miou", metrics.miou, origin);
  read(object, "pixel_accuracy", metrics.pixel_accuracy, origin);
  read(object, "mean_accuracy", metrics.mean_accuracy, origin);
  read(object, "images", metrics.images, origin);
  metrics.iou = read_by_class(object, "iou", origin);
  metrics.f1 = read_by_class(object, "f1", origin);
  metrics.pck = read_by_class(object, "pck_of_joints", origin);
  return metrics;
}

// What 'parsimony train --from' left beside a model; unfinished trainings have no metrics yet.
std::vector<Transfer> read_transfers(const fs::path& folder) {
  std::vector<Transfer> transfers;
  if (!fs::is_directory(folder)) return transfers;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path metrics = entry.path() / "metrics.json";
    const fs::path card = entry.path() / "model.json";
    if (!fs::exists(metrics) || !fs::exists(card)) continue;
    Transfer transfer{.name = entry.path().filename().string()};
    const json measured = parse_json(core::read_text_file(metrics), metrics.string());
    transfer.metrics = read_metrics(measured, metrics.string());
    read(measured, "classes", transfer.classes, metrics.string());
    const json described = parse_json(core::read_text_file(card), card.string());
    read(described, "dataset", transfer.dataset, card.string());
    json training = json::object();
    read(described, "training", training, card.string());
    std::string weights_of;
    if (training.is_object()) read(training, "weights_of", weights_of, card.string());
    transfer.from_weights = !weights_of.empty();
    json costs = json::object();
    read(described, "costs", costs, card.string());
    double params = 0;
    if (costs.is_object()) read(costs, "params", params, card.string());
    if (params > 0) transfer.params = params;
    transfers.push_back(std::move(transfer));
  }
  std::ranges::sort(transfers, {}, &Transfer::name);
  return transfers;
}

ReportedModel read_model(const study::FinalModel& model,
                         const fs::path& study_folder,
                         ReportData& data) {
  ReportedModel reported{.model = model};
  const fs::path folder = study_folder / model.folder;
  if (const auto score = model.scores.find("onnx_difference"); score != model.scores.end()) {
    reported.onnx_difference = score->second;
  }
  const fs::path file = folder / "metrics.json";
  if (fs::exists(file)) {
    const std::string origin = file.string();
    const json object = parse_json(core::read_text_file(file), origin);
    reported.metrics = read_metrics(object, origin);
    if (data.classes.empty()) read(object, "classes", data.classes, origin);
    if (data.palette.empty()) read(object, "palette", data.palette, origin);
    if (data.joints.empty()) read(object, "joints", data.joints, origin);
  }
  reported.samples = read_samples(folder / "samples");
  reported.transfers = read_transfers(folder / "transfer");
  return reported;
}

}  // namespace

ReportData load_report_data(const study::Store& store, const fs::path& study_folder) {
  ReportData data{.title = fs::weakly_canonical(study_folder).filename().string()};
  data.trials = store.trials();
  data.events = store.events(0);
  read_report_state(store, data);
  read_constant(store, data);
  read_diagnostics(data);
  if (const auto state = store.state("differentiable"))
    data.two_stage = differentiable::study_history(*state);
  if (const fs::path file = study_folder / "study.yaml"; fs::exists(file)) {
    data.resolved_study = core::read_text_file(file);
  } else {
    data.resolved_study = store.state("study.yaml").value_or("");
  }
  if (data.seed.empty()) data.seed = seed_in(data.resolved_study);
  for (const auto& [folder, trials] :
       {std::pair("random", &data.baseline), std::pair("scalings", &data.scalings)}) {
    const fs::path file = study_folder / folder / "study.db";
    if (fs::exists(file)) *trials = study::open_sqlite_store(file)->trials();
  }
  for (const study::FinalModel& model : store.models()) {
    data.models.push_back(read_model(model, study_folder, data));
  }
  return data;
}

fs::path write_report(const fs::path& study_folder) {
  const fs::path database = study_folder / "study.db";
  if (!fs::exists(database)) {
    core::throw_user_error(
        "{}: no study there (study.db is missing); expected the folder of a study, such as "
        "runs/NAME",
        study_folder.string());
  }
  const auto store = study::open_sqlite_store(database);
  const fs::path file = study_folder / "report.html";
  core::write_file_atomic(file, render_report(load_report_data(*store, study_folder)));
  return file;
}

}  // namespace parsimony::report
