// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/plan.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "parsimony/core/error.h"
#include "parsimony/core/parallel.h"
#include "parsimony/network/device.h"
#include "parsimony/network/tensor_memory.h"
#include "parsimony/network/threads.h"
#include "parsimony/run/candidates.h"
#include "parsimony/run/preparation.h"
#include "parsimony/run/wanted_groups.h"
#include "parsimony/train/measure.h"
#include "parsimony/train/trainer.h"

namespace parsimony::run {
namespace {

constexpr int kSampledGenotypes = 101;
constexpr int kMeasuredSteps = 2;

// The sampled genotype whose network costs the median number of MACs; notes what the sample says
// of the space.
space::Genotype median_genotype(const space::SearchSpace& space,
                                const graph::NetworkDescription& description,
                                const evaluate::Costs& costs,
                                Plan& plan) {
  core::Rng rng(1);
  std::vector<std::pair<double, std::string>> sampled;
  int allowed = 0;
  for (int i = 0; i < kSampledGenotypes; ++i) {
    const std::string text = space.text(space.founder(rng));
    const evaluate::Costs::Assessment assessment =
        costs.assess(graph::simplified_network(space::parse_genotype(text), description));
    if (!assessment.obstacle) ++allowed;
    for (const auto& [name, value] : assessment.costs) {
      const auto [range, is_new] = plan.costs.try_emplace(name, value, value);
      range->second.first = std::min(range->second.first, value);
      range->second.second = std::max(range->second.second, value);
    }
    sampled.emplace_back(assessment.costs.at("macs"), text);
  }
  plan.sampled = kSampledGenotypes;
  plan.allowed_share = static_cast<double>(allowed) / kSampledGenotypes;
  const auto middle = sampled.begin() + kSampledGenotypes / 2;
  std::nth_element(sampled.begin(), middle, sampled.end(), [](const auto& a, const auto& b) {
    return a.first < b.first;
  });
  plan.candidate_macs = middle->first;
  return space::parse_genotype(middle->second);
}

train::FeatureBatch blank_features(const graph::Graph& encoder,
                                   graph::Size picture,
                                   std::int64_t count,
                                   bool labels_at_tap,
                                   at::Device device) {
  const std::vector<graph::Shape> shapes = graph::infer_shapes(encoder, picture);
  train::FeatureBatch features;
  for (const graph::Output& tap : encoder.outputs) {
    const graph::Shape& shape = shapes[static_cast<std::size_t>(tap.node)];
    features.taps.push_back(at::ones({count, shape.channels, shape.height, shape.width},
                                     at::TensorOptions(at::kHalf).device(device))
                                .contiguous(at::MemoryFormat::ChannelsLast));
  }
  const graph::Shape& finest = shapes[static_cast<std::size_t>(encoder.outputs[0].node)];
  const graph::Size grid = labels_at_tap ? graph::Size{finest.height, finest.width} : picture;
  features.labels =
      at::zeros({count, grid.height, grid.width}, at::TensorOptions(at::kByte).device(device));
  return features;
}

// The second of two runs: the first one touches memory that a search touches once.
template <typename Work>
double seconds_when_warm(Work work) {
  work();
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Stage 0 and stage 1 of one candidate, extrapolated from a few steps.
double candidate_seconds(const StudyOptions& options,
                         const graph::NetworkDescription& description,
                         const space::Genotype& genotype,
                         graph::Size view,
                         const Plan& plan,
                         at::Device device) {
  const network::OwnStream stream(device);
  const auto& stage0 = options.candidate.stage0;
  const auto& stage1 = options.candidate.stage1;
  const auto graphs = evaluate::candidate_graphs(genotype, description);
  const graph::Graph encoder =
      evaluate::encoder_graph(description.encoder, space::encoder_taps(options.space.name));
  network::Network decoder(graphs.decoder, core::Rng(1), {.device = device});
  const std::int64_t batch = std::min(stage0.batch, stage0.samples);
  const train::FeatureBatch crops = blank_features(
      encoder, {stage0.augment.crop, stage0.augment.crop}, batch * kMeasuredSteps, true, device);
  const std::vector<train::FeatureBatch> views = {blank_features(encoder, view, 1, false, device)};
  const core::StopFlag never;
  const train::Limits limits{never, std::nullopt};
  const auto accept = [](int, int, const objective::Scores&) { return true; };

  train::Stage0Options one_epoch = stage0;
  one_epoch.epochs = 1;
  one_epoch.batch = batch;
  const double per_crop = seconds_when_warm([&] {
                            train::train_stage0(decoder,
                                                graphs.tap_of_input,
                                                crops,
                                                views,
                                                description.classes,
                                                {},
                                                one_epoch,
                                                core::Rng(1),
                                                limits,
                                                accept);
                          }) /
                          static_cast<double>(crops.size());
  const double per_view = seconds_when_warm([&] {
    train::measure_on_features(decoder, graphs.tap_of_input, views, description.classes);
  });
  double seconds = per_crop * static_cast<double>(stage0.samples) * stage0.epochs +
                   per_view * static_cast<double>(plan.val) *
                       std::ceil(static_cast<double>(stage0.epochs) / stage0.validate_every);
  if (stage1.epochs == 0) return seconds;

  network::Network whole(graphs.whole, core::Rng(1), {.device = device});
  train::Stage1Options few = stage1;
  few.epochs = 1;
  few.batch = std::min<std::int64_t>(stage1.batch, 4);
  const std::vector<data::Sample> samples(
      static_cast<std::size_t>(few.batch),
      data::Sample{data::Image(view.width, view.height), data::LabelMap(view.width, view.height)});
  const double step = seconds_when_warm([&] {
    train::train_stage1(
        whole, samples, {samples[0]}, description.classes, {}, few, core::Rng(1), limits, accept);
  });
  return seconds +
         step / static_cast<double>(few.batch) * static_cast<double>(plan.train) * stage1.epochs;
}

// Of a part of a supernet that is measured alone: forward passes over all pictures.
double untrained_seconds(const StudyOptions& options,
                         const graph::NetworkDescription& description,
                         const space::Genotype& genotype,
                         graph::Size view,
                         const Plan& plan,
                         at::Device device) {
  const network::OwnStream stream(device);
  const at::NoGradGuard no_grad;
  const evaluate::SubsampleOptions& measuring = options.supernet.measuring;
  network::Network net(
      graph::simplified_network(genotype, description), core::Rng(1), {.device = device});
  const network::Tensor pictures =
      at::zeros({measuring.batch, 3, view.height, view.width}, at::TensorOptions().device(device))
          .contiguous(at::MemoryFormat::ChannelsLast);
  const double batch =
      seconds_when_warm([&] { net.forward({pictures}, network::Phase::kEvaluation); });
  double count = std::ceil(measuring.pictures * static_cast<double>(plan.val));
  if (measuring.batch_norm != evaluate::BatchNormMode::kFrozen)
    count += static_cast<double>(std::min(measuring.calibration, plan.train));
  return batch / static_cast<double>(measuring.batch) * count;
}

// A full training, of which `at_once` run side by side.
double training_seconds(const graph::Graph& network,
                        const train::TrainerOptions& training,
                        graph::Size picture,
                        const Plan& plan,
                        int at_once,
                        const core::Context& context) {
  train::TrainerOptions few = training;
  few.epochs = few.validate_every = 1;
  const data::Sample blank{data::Image(picture.width, picture.height),
                           data::LabelMap(picture.width, picture.height)};
  const std::vector<data::Sample> samples(static_cast<std::size_t>(kMeasuredSteps * few.batch),
                                          blank);
  core::SilentLog log;
  core::SilentProgress progress;
  const core::StopFlag never;
  const core::Context silent{log, progress, never, 1, context.device};
  network::set_threads(std::max(1, context.threads / at_once));
  std::vector<double> seconds(static_cast<std::size_t>(at_once));
  core::parallel_for(at_once, at_once, [&](std::int64_t i) {
    const at::Device device = network::device_of(context.device);
    const network::OwnStream stream(device);
    network::Network net(network, core::Rng(1), {.device = device});
    const auto epoch = [&](const std::vector<data::Sample>& validation) {
      return seconds_when_warm([&] {
        train::train_fully(net,
                           samples,
                           validation,
                           static_cast<int>(plan.classes),
                           few,
                           core::Rng(1),
                           {},
                           silent,
                           "");
      });
    };
    const double of_one = epoch({blank}), of_two = epoch({blank, blank});
    const double view = std::max(0.0, of_two - of_one);
    seconds[static_cast<std::size_t>(i)] =
        std::max(0.0, of_one - view) / static_cast<double>(std::ssize(samples)) *
            static_cast<double>(plan.train) * training.epochs +
        view * static_cast<double>(plan.val) *
            std::ceil(static_cast<double>(training.epochs) / training.validate_every);
  });
  network::set_threads(context.threads);
  return std::accumulate(seconds.begin(), seconds.end(), 0.0) / at_once;
}

// Trainings before the first candidate.
double preparation_seconds(const StudyOptions& options,
                           const graph::NetworkDescription& description,
                           graph::Size picture,
                           const Plan& plan,
                           const core::Context& context) {
  if (options.searches_supernet()) {
    if (!options.supernet.trained.empty()) return 0;
    const graph::Graph whole = graph::simplified_network(space::Subnetwork(), description);
    return training_seconds(whole, options.supernet.training, picture, plan, 1, context);
  }
  if (!trains_start_network(options)) return 0;
  const graph::Graph start =
      graph::simplified_network(space::parse_genotype(options.start.genotype), description);
  return training_seconds(start, options.start.training, picture, plan, 1, context);
}

double final_seconds(const StudyOptions& options,
                     const graph::NetworkDescription& description,
                     const space::Genotype& genotype,
                     graph::Size picture,
                     const Plan& plan,
                     const core::Context& context) {
  if (options.final.count == 0) return 0;
  const graph::NetworkDescription final = final_description(options, description);
  const int at_once = trainings_at_once(options.final, options.final.count, context);
  return training_seconds(graph::simplified_network(genotype, final),
                          options.final.training,
                          picture,
                          plan,
                          at_once,
                          context) *
         std::ceil(static_cast<double>(options.final.count) / at_once);
}

}  // namespace

Plan plan_study(const StudyOptions& options, const core::Context& context) {
  if (options.is_of_grids()) {
    core::throw_user_error(
        "space.name is grid: networks of this space are trained one by one (`parsimony train`), there "
        "is no search to plan");
  }
  if (!options.searches_supernet()) require_encoder_weights(options);
  const auto dataset = open_study_data(options, context);
  wanted_groups(options, dataset->info());
  Plan plan;
  plan.dataset = dataset->info().name;
  plan.train = dataset->size(data::Split::kTrain);
  plan.val = dataset->size(data::Split::kVal);
  plan.test = dataset->size(data::Split::kTest);
  plan.classes = static_cast<std::int64_t>(dataset->info().classes.size());
  const auto classes = static_cast<int>(plan.classes);
  const graph::NetworkDescription description = candidate_description(options, classes);
  const std::unique_ptr<const space::SearchSpace> space = make_space(options, description);
  plan.decisions = space->decisions().size();
  plan.space_size = std::exp(space::log_size(*space));
  plan.workers = options.budget.workers > 0 ? options.budget.workers : core::available_cores();

  std::vector<graph::Size> views;
  for (const data::Sample& sample : train::load_samples(*dataset, data::Split::kVal, context)) {
    const data::Sample view =
        data::central_view(sample, options.data.view_shorter_side, options.data.view);
    views.push_back({view.image.height, view.image.width});
  }
  if (options.searches_supernet()) {
    plan.cache_bytes = options.supernet.measuring.memory_gib * 1024 * 1024 * 1024;
  } else {
    const CacheNeeds needs = cache_needs(options, views, classes);
    plan.cache_bytes = needs.total();
    plan.cache_in_file = spills(options.cache, needs);
  }
  const space::Genotype genotype = median_genotype(
      *space, description, evaluate::Costs(picture_size(*dataset), options.cost), plan);
  const at::Device device = network::device_of(context.device);
  network::set_threads(1);
  plan.measured_steps = kMeasuredSteps;
  // As many at once as in the search: cores share caches and memory, and some are two threads of
  // one.
  const std::int64_t tensors_before = network::tensor_memory().peak_bytes;
  std::vector<double> seconds(static_cast<std::size_t>(plan.workers));
  core::parallel_for(plan.workers, plan.workers, [&](std::int64_t worker) {
    seconds[static_cast<std::size_t>(worker)] =
        (options.searches_supernet() ? untrained_seconds : candidate_seconds)(
            options, description, genotype, views.at(0), plan, device);
  });
  plan.candidate_seconds = std::accumulate(seconds.begin(), seconds.end(), 0.0) / plan.workers;
  // The workers' threads are new, and so are their pools.
  plan.memory_bytes = static_cast<double>(network::tensor_memory().peak_bytes - tensors_before) +
                      (plan.cache_in_file ? 0 : plan.cache_bytes);
  network::set_threads(context.threads);
  plan.search_seconds =
      plan.candidate_seconds * static_cast<double>(options.budget.trials) / plan.workers;
  const graph::Size picture = picture_size(*dataset);
  plan.preparation_seconds = preparation_seconds(options, description, picture, plan, context);
  plan.final_seconds = final_seconds(options, description, genotype, picture, plan, context);
  return plan;
}

}  // namespace parsimony::run
