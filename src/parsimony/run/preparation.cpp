// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/preparation.h"

#include "parsimony/core/config.h"
#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/data/fitted.h"
#include "parsimony/graph/classifier.h"
#include "parsimony/graph/simplify.h"
#include "parsimony/network/device.h"
#include "parsimony/network/pretrained.h"
#include "parsimony/run/candidates.h"
#include "parsimony/run/kept_training.h"
#include "parsimony/run/study_task.h"
#include "parsimony/run/trained_network.h"
#include "parsimony/task/segmentation.h"
#include "parsimony/weights/cache.h"
#include "parsimony/weights/tensor_files.h"

namespace parsimony::run {
namespace {

namespace fs = std::filesystem;
using evaluate::SharedData;

constexpr double kBytesPerGib = 1024.0 * 1024 * 1024;

// The encoder as far as the candidates read it.
graph::Graph study_encoder(const StudyOptions& options) {
  return evaluate::encoder_graph(options.encoder.network, space::encoder_taps(options.space.name));
}

weights::ArrayMap encoder_arrays(const network::Network& net) {
  weights::ArrayMap arrays;
  for (auto& [name, array] : net.save().arrays) {
    if (name.starts_with("encoder.")) arrays.arrays[name] = array;
  }
  return arrays;
}

// The encoder with what tells the classes of the set apart that it is pre-trained on: of pixels the
// start network's decoder, of whole pictures a linear layer.
graph::Graph pretraining_network(const StudyOptions& options,
                                 const data::Dataset& dataset,
                                 int classes) {
  if (dataset.info().label_kind == data::LabelKind::kPicture)
    return graph::simplify(graph::classifier(options.encoder.network, classes));
  return graph::simplified_network(space::parse_genotype(options.start.genotype),
                                   {options.encoder.network, options.decoder, classes});
}

// Encoder weights from another data set.
std::optional<weights::ArrayMap> pretrain_encoder(const StudyOptions& options,
                                                  const fs::path& folder,
                                                  const core::Context& context) {
  const PretrainingOptions& pretraining = options.encoder.pretraining;
  const auto dataset = data::open_dataset(pretraining.path);
  require_splits(*dataset);
  const auto classes = static_cast<int>(dataset->info().classes.size());
  const KeptTraining training{.network = pretraining_network(options, *dataset, classes),
                              .task = std::make_shared<task::Segmentation>(classes),
                              .task_options = fmt::format("{} classes", classes),
                              .initial = {},
                              .training = pretraining.training,
                              .seed = static_cast<std::uint64_t>(options.seed),
                              .teacher = nullptr};
  const auto trained =
      train_or_take_over(training,
                         train::load_samples(*dataset, data::Split::kTrain, context),
                         train::load_samples(*dataset, data::Split::kVal, context),
                         folder / "pretraining",
                         options.start.reuse,
                         "pre-training on " + dataset->info().name,
                         "encoder.pretraining.training",
                         context);
  if (!trained) return std::nullopt;
  return encoder_arrays(*trained);
}

std::optional<network::Network> start_network(const StudyOptions& options,
                                              const SharedData& shared,
                                              network::Network* teacher,
                                              const fs::path& folder,
                                              const core::Context& context) {
  const KeptTraining training{
      .network = graph::simplified_network(space::parse_genotype(options.start.genotype),
                                           shared.description),
      .task = shared.task,
      .task_options = core::to_yaml(options.task),
      .initial = shared.encoder_weights,
      .training = options.start.training,
      .seed = static_cast<std::uint64_t>(options.seed),
      .teacher = teacher};
  return train_or_take_over(training,
                            shared.samples,
                            shared.validation_views,
                            folder / "start",
                            options.start.reuse,
                            "start network",
                            "start.training",
                            context);
}

void check_size(const StudyOptions& options, const CacheNeeds& needs) {
  if (!spills(options.cache, needs) || needs.total() <= options.cache.disk_gib * kBytesPerGib)
    return;
  core::throw_user_error(
      "the feature cache would need {} ({} for {} training crops of {} pixels, {} for the validation pictures), more "
      "than cache.memory_gib = {} and cache.disk_gib = {}; lower candidate.stage0.samples or "
      "candidate.stage0.augment.crop, crop the validation pictures with data.view, or raise cache.memory_gib or "
      "cache.disk_gib",
      core::human_bytes(needs.total()),
      core::human_bytes(needs.training),
      options.candidate.stage0.samples,
      options.candidate.stage0.augment.crop,
      core::human_bytes(needs.validation),
      options.cache.memory_gib,
      options.cache.disk_gib);
}

CacheNeeds needs_of(const StudyOptions& options, const SharedData& shared) {
  std::vector<graph::Size> views;
  for (const data::Sample& view : shared.validation_views)
    views.push_back({view.image.height, view.image.width});
  return cache_needs(options, views, shared.task->channels());
}

// Neighbouring views of equal size share a cache; usually all do.
bool cache_validation(SharedData& shared,
                      network::Network& encoder,
                      const StudyOptions& options,
                      const fs::path& spill_folder,
                      const core::Context& context) {
  const auto& views = shared.validation_views;
  for (std::size_t first = 0; first < views.size();) {
    std::size_t last = first + 1;
    while (last < views.size() && views[last].image.width == views[first].image.width &&
           views[last].image.height == views[first].image.height) {
      ++last;
    }
    train::CacheRequest request;
    request.count = static_cast<std::int64_t>(last - first);
    request.make = [&views, first](std::int64_t i) {
      return views[first + static_cast<std::size_t>(i)];
    };
    request.labels_at_tap = false;
    request.precision = options.cache.precision;
    request.spill_folder = spill_folder;
    request.task = "validation features";
    shared.validation_features.push_back(train::build_cache(encoder, nullptr, request, context));
    if (context.stop.requested()) return false;
    first = last;
  }
  return true;
}

bool cache_training(SharedData& shared,
                    network::Network& encoder,
                    network::Network* teacher,
                    const StudyOptions& options,
                    const fs::path& spill_folder,
                    const core::Context& context) {
  const auto& stage0 = options.candidate.stage0;
  const core::Rng rng = core::Rng(static_cast<std::uint64_t>(options.seed)).split("feature cache");
  train::CacheRequest request;
  request.count = stage0.samples;
  // Every picture comes up equally often, in an order of its own for each pass over the set.
  std::vector<std::size_t> order;
  core::Rng shuffle = rng.split("order");
  while (static_cast<std::int64_t>(order.size()) < stage0.samples) {
    std::vector<std::size_t> pass(shared.samples.size());
    for (std::size_t i = 0; i < pass.size(); ++i) pass[i] = i;
    shuffle.shuffle(pass);
    order.insert(order.end(), pass.begin(), pass.end());
  }
  request.make = [&](std::int64_t i) {
    const data::Sample& sample = shared.samples[order[static_cast<std::size_t>(i)]];
    return data::augment(
        sample, stage0.augment, rng.split("crop").split(static_cast<std::uint64_t>(i)));
  };
  request.precision = options.cache.precision;
  request.spill_folder = spill_folder;
  request.task = "training features";
  shared.features = train::build_cache(encoder, teacher, request, context);
  return !context.stop.requested();
}

// Pictures that are labelled with what the task reads, as a data set on disk is opened. Where the
// scene lacks a part of that, all that it has: whoever makes the task says so.
std::unique_ptr<data::Dataset> synthetic_data(const StudyOptions& options,
                                              const core::Context& context) {
  const data::TargetSet targets = options.task.targets();
  data::MemoryDataset all = data::make_synthetic_dataset(options.data.synth, context.threads);
  data::DatasetInfo info = all.info();
  if (!(targets - info.targets).empty())
    return std::make_unique<data::MemoryDataset>(std::move(all));
  info.targets = targets;
  auto dataset = std::make_unique<data::MemoryDataset>(info);
  for (const data::Split split : {data::Split::kTrain, data::Split::kVal, data::Split::kTest}) {
    for (std::int64_t i = 0; i < all.size(split); ++i) {
      data::Sample sample = all.read(split, i);
      if (!targets.contains(data::Target::kClasses)) sample.labels = {};
      if (!targets.contains(data::Target::kDepth)) sample.depth = {};
      if (!targets.contains(data::Target::kPose)) sample.pose.reset();
      dataset->add(split, all.id(split, i), std::move(sample));
    }
  }
  return dataset;
}

std::unique_ptr<data::Dataset> fitted_data(std::unique_ptr<data::Dataset> dataset,
                                           const StudyOptions& options) {
  if (options.data.fit == 0) return dataset;
  return std::make_unique<data::FittedDataset>(std::move(dataset), options.data.fit);
}

}  // namespace

std::vector<data::Sample> validation_views(const std::vector<data::Sample>& samples,
                                           const DataOptions& options) {
  std::vector<data::Sample> views;
  views.reserve(samples.size());
  for (const data::Sample& sample : samples) {
    views.push_back(data::central_view(sample, options.view_shorter_side, options.view));
  }
  return views;
}

weights::ArrayMap pretrained_encoder(const std::string& name,
                                     const graph::EncoderOptions& encoder,
                                     const core::Context& context) {
  const fs::path file = weights::resolve(name);
  network::EncoderWeights found =
      network::encoder_weights(weights::read_weights(file), encoder, file.string());
  if (!found.note.empty())
    context.log.line(core::LogLevel::kWarning, fmt::format("{}: {}", file.string(), found.note));
  return std::move(found.arrays);
}

bool trains_start_network(const StudyOptions& options) {
  return options.start.when == StartWhen::kAlways ||
         (options.start.when == StartWhen::kAuto && options.encoder.weights.empty());
}

bool spills(const CacheOptions& cache, const CacheNeeds& needs) {
  return needs.total() > cache.memory_gib * kBytesPerGib;
}

CacheNeeds cache_needs(const StudyOptions& options,
                       const std::vector<graph::Size>& views,
                       int channels) {
  const auto& stage0 = options.candidate.stage0;
  if (stage0.epochs == 0) return {};
  const graph::Graph encoder = study_encoder(options);
  const bool teacher =
      !options.teacher.model.empty() || (trains_start_network(options) && options.start.teach);
  const graph::Size crop{stage0.augment.crop, stage0.augment.crop};
  const graph::Size grid{graph::strided(crop.height, 4), graph::strided(crop.width, 4)};
  const data::TargetSet targets = options.task.targets();
  const std::int64_t label_bytes = (targets.contains(data::Target::kClasses) ? 1 : 0) +
                                   (targets.contains(data::Target::kDepth) ? 4 : 0);  // a pixel
  const auto bytes = [&](graph::Size size, std::int64_t label_pixels, int teacher_channels) {
    return static_cast<double>(train::cache_bytes_per_picture(
        encoder, size, label_bytes * label_pixels, teacher_channels, options.cache.precision));
  };
  CacheNeeds needs;
  needs.training = static_cast<double>(stage0.samples) *
                   bytes(crop, grid.height * grid.width, teacher ? channels : 0);
  for (const graph::Size& size : views)
    needs.validation += bytes(size, size.height * size.width, 0);
  return needs;
}

std::unique_ptr<data::Dataset> open_study_data(const StudyOptions& options,
                                               const core::Context& context) {
  if (!options.data.path.empty()) {
    std::unique_ptr<data::Dataset> dataset =
        data::open_dataset(options.data.path,
                           {.targets = options.task.targets(),
                            .subset = options.data.subset,
                            .depth_scale = options.data.depth_scale});
    if (dataset->info().label_kind == data::LabelKind::kPicture) {
      core::throw_user_error(
          "data.path {}: its labels are classes of whole pictures, expected a class for each pixel; "
          "such a set serves as encoder.pretraining.path",
          options.data.path);
    }
    return fitted_data(std::move(dataset), options);
  }
  return fitted_data(synthetic_data(options, context), options);
}

void require_splits(const data::Dataset& dataset) {
  for (const data::Split split : {data::Split::kTrain, data::Split::kVal}) {
    if (dataset.size(split) == 0) {
      core::throw_user_error(
          "data set '{}' has no pictures in its split '{}'; run 'parsimony check' on it",
          dataset.info().name,
          data::name_of(split));
    }
  }
}

void require_encoder_weights(const StudyOptions& options) {
  if (!options.encoder.weights.empty() || !options.encoder.pretraining.path.empty() ||
      trains_start_network(options))
    return;
  core::throw_user_error(
      "the encoder has no weights and start.when is 'never'; give encoder.weights or "
      "encoder.pretraining.path, or let start.when be 'auto'");
}

graph::Size picture_size(const data::Dataset& dataset) {
  const data::Sample sample = dataset.read(data::Split::kVal, 0);
  return {sample.image.height, sample.image.width};
}

namespace {

// What a study has beside its data before candidates are trained; none of both where it has none.
struct Predecessors {
  std::optional<network::Network> start, teacher;
};

// Pictures, description and encoder weights. nullptr when interrupted.
std::shared_ptr<SharedData> prepare_encoder(const StudyOptions& options,
                                            const data::Dataset& dataset,
                                            const fs::path& folder,
                                            const core::Context& context,
                                            bool will_cache,
                                            Predecessors& before) {
  require_splits(dataset);
  require_encoder_weights(options);
  auto shared = std::make_shared<SharedData>();
  shared->device = network::device_of(context.device);
  shared->task = study_task(options, dataset.info());
  shared->description = candidate_description(options, shared->task->channels());
  shared->costs = evaluate::Costs(picture_size(dataset), options.cost);
  if (!shared->costs.meters().empty())
    shared->measured = std::make_shared<evaluate::MeasuredCosts>(shared->costs);
  shared->samples = train::load_samples(dataset, data::Split::kTrain, context);
  shared->validation_views =
      validation_views(train::load_samples(dataset, data::Split::kVal, context), options.data);
  if (will_cache) {  // before anything takes time
    check_size(options, needs_of(options, *shared));
  }
  if (!options.teacher.model.empty())
    before.teacher = load_teacher(options.teacher, *shared->task, dataset.info(), shared->device);
  if (!options.encoder.weights.empty())
    shared->encoder_weights =
        pretrained_encoder(options.encoder.weights, options.encoder.network, context);
  if (!options.encoder.pretraining.path.empty()) {
    auto pretrained = pretrain_encoder(options, folder, context);
    if (!pretrained) return nullptr;
    shared->encoder_weights = std::move(*pretrained);
  }
  if (!trains_start_network(options)) return shared;

  before.start =
      start_network(options, *shared, before.teacher ? &*before.teacher : nullptr, folder, context);
  if (!before.start) return nullptr;
  // Stages that the start network does not read stay as they came, where they came from a file.
  for (auto& [name, array] : encoder_arrays(*before.start).arrays)
    shared->encoder_weights.arrays[name] = std::move(array);
  return shared;
}

}  // namespace

std::shared_ptr<const SharedData> prepare_study(const StudyOptions& options,
                                                const data::Dataset& dataset,
                                                const fs::path& folder,
                                                const core::Context& context) {
  Predecessors before;
  const std::shared_ptr<SharedData> shared =
      prepare_encoder(options, dataset, folder, context, true, before);
  if (!shared || options.candidate.stage0.epochs == 0)
    return shared;  // only stage 0 reads features
  network::Network encoder(study_encoder(options),
                           core::Rng(static_cast<std::uint64_t>(options.seed)).split("encoder"),
                           {.device = shared->device});
  encoder.load(shared->encoder_weights, "the study's encoder weights");
  auto& teacher = before.teacher || !options.start.teach ? before.teacher : before.start;
  const fs::path spill_folder = spills(options.cache, needs_of(options, *shared)) ? folder : "";
  if (!cache_training(
          *shared, encoder, teacher ? &*teacher : nullptr, options, spill_folder, context))
    return nullptr;
  if (!cache_validation(*shared, encoder, options, spill_folder, context)) return nullptr;
  return shared;
}

std::optional<weights::ArrayMap> encoder_for(const StudyOptions& options,
                                             const data::Dataset& dataset,
                                             const fs::path& folder,
                                             const core::Context& context) {
  Predecessors before;
  const std::shared_ptr<SharedData> shared =
      prepare_encoder(options, dataset, folder, context, false, before);
  if (!shared) return std::nullopt;
  return shared->encoder_weights;
}

}  // namespace parsimony::run
