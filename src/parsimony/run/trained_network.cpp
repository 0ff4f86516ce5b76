// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/trained_network.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>
#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/deploy/model_card.h"
#include "parsimony/supernet/import.h"
#include "parsimony/supernet/sliced.h"
#include "parsimony/weights/safetensors.h"

namespace parsimony::run {
namespace {

namespace fs = std::filesystem;

graph::Graph graph_of(const TrainedNetwork& trained) {
  return graph::simplified_network(space::parse_genotype(trained.genotype), trained.network);
}

TrainedNetwork read_model_folder(const fs::path& folder) {
  const deploy::ModelCard card = deploy::read_model_card(folder / "model.json");
  TrainedNetwork trained{.genotype = card.genotype,
                         .network = card.description(),
                         .classes = {},
                         .weights = weights::read_safetensors(folder / "weights.safetensors")};
  for (const deploy::ModelClass& one : card.classes) trained.classes.push_back(one.name);
  return trained;
}

TrainedNetwork import_file(const fs::path& file) {
  supernet::ImportedDeeplab imported = supernet::import_deeplab(file);
  return {.genotype = space::to_text(space::Subnetwork()),
          .network = {.classes = imported.design.classes, .supernet = imported.design.options},
          .classes = std::move(imported.facts.classes),
          .weights = std::move(imported.weights)};
}

// The class of that name or, since some files have no names, of that number; nothing for neither.
std::optional<std::int64_t> position(const TrainedNetwork& trained, const std::string& name) {
  const auto named = std::ranges::find(trained.classes, name);
  if (named != trained.classes.end()) return named - trained.classes.begin();
  std::int64_t number = -1;
  const char* const end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data(), end, number);
  if (error != std::errc() || rest != end || number < 0 || number >= trained.network.classes)
    return std::nullopt;
  return number;
}

std::vector<std::int64_t> positions(const TrainedNetwork& trained,
                                    const std::vector<std::string>& chosen,
                                    std::string_view option) {
  std::vector<std::int64_t> found;
  for (const std::string& name : chosen) {
    const std::optional<std::int64_t> at = position(trained, name);
    if (!at) {
      core::throw_user_error("{}.classes has '{}', which is none of the network's classes: {}",
                             option,
                             name,
                             trained.classes.empty()
                                 ? fmt::format("they have no names, but numbers from 0 to {}",
                                               trained.network.classes - 1)
                                 : core::join(trained.classes, ", "));
    }
    found.push_back(*at);
  }
  return found;
}

}  // namespace

TrainedNetwork read_trained_network(const fs::path& path, std::string_view option) {
  if (fs::is_directory(path)) return read_model_folder(path);
  if (fs::exists(path)) return import_file(path);
  core::throw_user_error(
      "{} {}: does not exist; expected a model folder or a weight file", option, path.string());
}

TrainedNetwork with_classes(TrainedNetwork trained,
                            const std::vector<std::string>& chosen,
                            const std::vector<std::string>& dataset_classes,
                            std::string_view option) {
  if (chosen.empty() && std::cmp_not_equal(trained.network.classes, dataset_classes.size())) {
    core::throw_user_error(
        "{}: the network tells {} classes apart{}, the data set has {} ({}); name in {}.classes "
        "those of the network that they are",
        option,
        trained.network.classes,
        trained.classes.empty() ? "" : " (" + core::join(trained.classes, ", ") + ")",
        dataset_classes.size(),
        core::join(dataset_classes, ", "),
        option);
  }
  const std::vector<std::int64_t> outputs = positions(trained, chosen, option);
  if (!chosen.empty() && chosen.size() != dataset_classes.size()) {
    core::throw_user_error(
        "{}.classes has {} entries, expected the network's class for each of the data set's {} ({})",
        option,
        chosen.size(),
        dataset_classes.size(),
        core::join(dataset_classes, ", "));
  }
  const graph::Graph graph = graph_of(trained);
  supernet::check_weights(graph, trained.weights);
  if (chosen.empty()) return trained;

  const std::string& logits = graph[graph.output("logits")].name;
  std::vector<std::int64_t> inputs(
      static_cast<std::size_t>(trained.weights.arrays.at(logits + ".weight").shape.at(1)));
  std::iota(inputs.begin(), inputs.end(), 0);
  for (auto& [name, array] :
       supernet::selected(graph, trained.weights, {{logits, {outputs, inputs}}}).arrays)
    trained.weights.arrays[name] = std::move(array);
  trained.network.classes = static_cast<int>(chosen.size());
  trained.classes = chosen;
  return trained;
}

network::Network load_teacher(const TeacherOptions& options,
                              const task::Task& task,
                              const data::DatasetInfo& info,
                              at::Device device) {
  TrainedNetwork trained = read_trained_network(options.model, "teacher.model");
  if (task.targets() == data::TargetSet{data::Target::kClasses}) {
    trained = with_classes(std::move(trained), options.classes, info.classes, "teacher");
  } else if (trained.network.classes != task.channels() || !options.classes.empty()) {
    core::throw_user_error(
        "teacher.model {}: has an output of {} channels, expected {}, those of the study's task, {}, "
        "in the same order, and teacher.classes empty",
        options.model,
        trained.network.classes,
        task.channels(),
        task.name());
  }
  network::Network network(graph_of(trained), core::Rng(0), {.device = device});
  network.load(trained.weights, options.model);
  return network;
}

}  // namespace parsimony::run
