// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/trained_supernet.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/deploy/model_card.h"
#include "parsimony/network/device.h"
#include "parsimony/run/kept_training.h"
#include "parsimony/run/model.h"
#include "parsimony/run/preparation.h"
#include "parsimony/supernet/import.h"
#include "parsimony/supernet/sliced.h"
#include "parsimony/weights/safetensors.h"

namespace parsimony::run {
namespace {

namespace fs = std::filesystem;

// A network that somebody trained.
struct Found {
  graph::DeeplabOptions network;
  std::vector<std::string> classes;  // their names; empty where nobody knows them
  int class_count = 0;
  weights::ArrayMap weights;
};

deploy::ModelCard card_of_whole(const fs::path& folder) {
  deploy::ModelCard card = deploy::read_model_card(folder / "model.json");
  const space::Genotype genotype = space::parse_genotype(card.genotype);
  const auto* part = std::get_if<space::Subnetwork>(&genotype);
  const bool whole =
      part != nullptr && std::ranges::all_of(part->choices, [](int choice) { return choice == 0; });
  if (!whole) {
    core::throw_user_error(
        "supernet.trained {}: expected the model folder of a whole DeepLabV3, found {} of the space "
        "{}",
        folder.string(),
        card.genotype,
        card.space);
  }
  return card;
}

Found read_trained(const fs::path& path) {
  Found found;
  if (fs::is_directory(path)) {
    const deploy::ModelCard card = card_of_whole(path);
    found.network = card.supernet;
    for (const deploy::ModelClass& one : card.classes) found.classes.push_back(one.name);
    found.class_count = static_cast<int>(card.classes.size());
    found.weights = weights::read_safetensors(path / "weights.safetensors");
    return found;
  }
  if (!fs::exists(path)) {
    core::throw_user_error(
        "supernet.trained {}: does not exist; expected a model folder or a weight file",
        path.string());
  }
  supernet::ImportedDeeplab imported = supernet::import_deeplab(path);
  return {imported.design.options,
          imported.facts.classes,
          imported.design.classes,
          std::move(imported.weights)};
}

// Which of the network's classes the data set's are.
std::vector<std::int64_t> wanted_classes(const SupernetOptions& options,
                                         const Found& found,
                                         const std::vector<std::string>& classes) {
  std::vector<std::int64_t> wanted(static_cast<std::size_t>(found.class_count));
  std::iota(wanted.begin(), wanted.end(), 0);
  if (!options.classes.empty()) {
    wanted.clear();
    for (const std::string& name : options.classes) {
      const auto at = std::ranges::find(found.classes, name);
      if (at == found.classes.end()) {
        core::throw_user_error(
            "supernet.classes names '{}', which is none of the classes of {}: {}",
            name,
            options.trained,
            found.classes.empty() ? "they have no names" : core::join(found.classes, ", "));
      }
      wanted.push_back(at - found.classes.begin());
    }
  }
  if (wanted.size() != classes.size()) {
    core::throw_user_error(
        "supernet.trained {} tells {} classes apart{}, the data set has {} ({}); name in "
        "supernet.classes those of the network that they are",
        options.trained,
        wanted.size(),
        found.classes.empty() ? "" : " (" + core::join(found.classes, ", ") + ")",
        classes.size(),
        core::join(classes, ", "));
  }
  return wanted;
}

// The same weights for a network that tells only the given ones of its classes apart.
weights::ArrayMap with_classes(const Found& found, const std::vector<std::int64_t>& classes) {
  const graph::Graph graph = graph::deeplab_supernet(found.network, found.class_count).graph;
  const graph::Node& logits = graph[graph.output("logits")];
  supernet::check_weights(graph, found.weights);
  const auto& shape = found.weights.arrays.at(logits.name + ".weight").shape;
  std::vector<std::int64_t> inputs(static_cast<std::size_t>(shape.at(1)));
  std::iota(inputs.begin(), inputs.end(), 0);
  weights::ArrayMap chosen = found.weights;
  for (auto& [name, array] :
       supernet::selected(graph, found.weights, {{logits.name, {classes, inputs}}}).arrays)
    chosen.arrays[name] = std::move(array);
  return chosen;
}

std::optional<weights::ArrayMap> train_supernet(const StudyOptions& options,
                                                const data::Dataset& dataset,
                                                const fs::path& folder,
                                                const core::Context& context) {
  const auto classes = static_cast<int>(dataset.info().classes.size());
  const at::Device device = network::device_of(context.device);
  std::optional<network::Network> teacher;
  if (!options.teacher.model.empty())
    teacher = load_teacher(options.teacher.model, classes, device);
  const KeptTraining training{
      .description = {.classes = classes, .supernet = options.supernet.network},
      .genotype = space::to_text(space::Subnetwork()),
      .initial = backbone_weights(options.supernet, context),
      .training = options.supernet.training,
      .seed = static_cast<std::uint64_t>(options.seed),
      .teacher = teacher ? &*teacher : nullptr};
  const auto trained =
      train_or_take_over(training,
                         train::load_samples(dataset, data::Split::kTrain, context),
                         train::load_samples(dataset, data::Split::kVal, context),
                         folder,
                         options.supernet.reuse,
                         "training the supernet",
                         "supernet.training",
                         context);
  if (!trained) return std::nullopt;
  return trained->save();
}

}  // namespace

graph::DeeplabOptions supernet_design(const SupernetOptions& options) {
  if (options.trained.empty()) return options.network;
  if (fs::is_directory(options.trained)) return card_of_whole(options.trained).supernet;
  return read_trained(options.trained).network;
}

weights::ArrayMap backbone_weights(const SupernetOptions& options, const core::Context& context) {
  if (options.backbone_weights.empty()) return {};
  if (options.network.backbone != graph::DeeplabBackbone::kMobilenetV2) {
    core::throw_user_error(
        "supernet.backbone_weights is {}, but weights are read for the backbone mobilenet_v2 only; "
        "leave them out, or give a trained network in supernet.trained",
        options.backbone_weights);
  }
  return pretrained_encoder(options.backbone_weights,
                            {.width = options.network.width, .first_expansion = false},
                            context);
}

std::optional<weights::ArrayMap> trained_supernet(const StudyOptions& options,
                                                  const data::Dataset& dataset,
                                                  const fs::path& folder,
                                                  const core::Context& context) {
  const SupernetOptions& choice = options.supernet;
  const std::vector<std::string>& classes = dataset.info().classes;
  weights::ArrayMap weights;
  if (choice.trained.empty()) {
    auto trained = train_supernet(options, dataset, folder, context);
    if (!trained) return std::nullopt;
    weights = std::move(*trained);
  } else {
    const Found found = read_trained(choice.trained);
    weights = with_classes(found, wanted_classes(choice, found, classes));
  }
  const graph::Supernet network =
      graph::deeplab_supernet(supernet_design(choice), static_cast<int>(classes.size()));
  return supernet::ordered(network,
                           weights,
                           choice.importance,
                           core::Rng(static_cast<std::uint64_t>(options.seed)).split("importance"));
}

}  // namespace parsimony::run
