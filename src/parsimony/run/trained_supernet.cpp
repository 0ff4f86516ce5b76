// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/trained_supernet.h"

#include <algorithm>

#include "parsimony/core/config.h"
#include "parsimony/core/error.h"
#include "parsimony/network/device.h"
#include "parsimony/run/kept_training.h"
#include "parsimony/run/preparation.h"
#include "parsimony/run/study_task.h"
#include "parsimony/run/trained_network.h"
#include "parsimony/supernet/importance.h"
#include "parsimony/train/images.h"

namespace parsimony::run {
namespace {

namespace fs = std::filesystem;

// A network that is trained already, whole.
TrainedNetwork read_whole(const std::string& path) {
  TrainedNetwork trained = read_trained_network(path, "supernet.trained");
  const space::Genotype genotype = space::parse_genotype(trained.genotype);
  const auto* part = std::get_if<space::Subnetwork>(&genotype);
  const bool whole =
      part != nullptr && std::ranges::all_of(part->choices, [](int choice) { return choice == 0; });
  if (!whole) {
    core::throw_user_error(
        "supernet.trained {}: expected the model folder of a whole DeepLabV3, found {} of the space "
        "{}",
        path,
        trained.genotype,
        space::name_of(space::space_of(genotype)));
  }
  return trained;
}

std::optional<weights::ArrayMap> train_supernet(const StudyOptions& options,
                                                const data::Dataset& dataset,
                                                const fs::path& folder,
                                                const core::Context& context) {
  const std::shared_ptr<const task::Task> task = study_task(options, dataset.info());
  std::optional<network::Network> teacher;
  if (!options.teacher.model.empty())
    teacher =
        load_teacher(options.teacher, *task, dataset.info(), network::device_of(context.device));
  const graph::NetworkDescription network{.classes = task->channels(),
                                          .supernet = options.supernet.network};
  const KeptTraining training{.network = graph::simplified_network(space::Subnetwork(), network),
                              .task = task,
                              .task_options = core::to_yaml(options.task),
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
  return options.trained.empty() ? options.network : read_whole(options.trained).network.supernet;
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
    weights = with_classes(read_whole(choice.trained), choice.classes, classes, "supernet").weights;
  }
  const graph::Supernet network =
      graph::deeplab_supernet(supernet_design(choice), static_cast<int>(classes.size()));
  return supernet::ordered(network,
                           weights,
                           choice.importance,
                           core::Rng(static_cast<std::uint64_t>(options.seed)).split("importance"));
}

}  // namespace parsimony::run
