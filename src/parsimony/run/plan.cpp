// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/plan.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "parsimony/core/error.h"
#include "parsimony/core/parallel.h"
#include "parsimony/network/arithmetic.h"
#include "parsimony/network/device.h"
#include "parsimony/network/tensor_memory.h"
#include "parsimony/network/threads.h"
#include "parsimony/run/candidates.h"
#include "parsimony/run/grid_plan.h"
#include "parsimony/run/plan_timing.h"
#include "parsimony/run/preparation.h"
#include "parsimony/run/study_task.h"
#include "parsimony/train/measure.h"
#include "parsimony/train/trainer.h"

namespace parsimony::run {
namespace {

train::FeatureBatch blank_features(const graph::Graph& encoder,
                                   graph::Size picture,
                                   const data::DatasetInfo& info,
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
  const std::vector<data::Sample> blank(static_cast<std::size_t>(count),
                                        data::blank_sample(info, picture.width, picture.height));
  features.labels = task::labels_of(blank).changed(
      [&](const network::Tensor& labels) { return labels.to(device); });
  if (labels_at_tap) features.labels = features.labels.on_grid(finest.height, finest.width);
  return features;
}

// Stage 0 and stage 1 of one candidate, extrapolated from a few steps.
double candidate_seconds(const StudyOptions& options,
                         const graph::NetworkDescription& description,
                         const space::Genotype& genotype,
                         const data::DatasetInfo& info,
                         graph::Size view,
                         const Plan& plan,
                         at::Device device) {
  const network::OwnStream stream(device);
  const std::shared_ptr<const task::Task> task = study_task(options, info);
  const auto& stage0 = options.candidate.stage0;
  const auto& stage1 = options.candidate.stage1;
  const auto graphs = evaluate::candidate_graphs(genotype, description);
  const graph::Graph encoder =
      evaluate::encoder_graph(description.encoder, space::encoder_taps(options.space.name));
  const network::Network::Options built{
      .device = device, .arithmetic = network::arithmetic_of(options.candidate.arithmetic, device)};
  network::Network decoder(graphs.decoder, core::Rng(1), built);
  const std::int64_t batch = std::min(stage0.batch, stage0.samples);
  const train::FeatureBatch crops = blank_features(encoder,
                                                   {stage0.augment.crop, stage0.augment.crop},
                                                   info,
                                                   batch * kMeasuredSteps,
                                                   true,
                                                   device);
  const std::vector<train::FeatureBatch> views = {
      blank_features(encoder, view, info, 1, false, device)};
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
                                                *task,
                                                one_epoch,
                                                core::Rng(1),
                                                limits,
                                                accept);
                          }) /
                          static_cast<double>(crops.size());
  const double per_view = seconds_when_warm(
      [&] { train::measure_on_features(decoder, graphs.tap_of_input, views, *task); });
  double seconds = per_crop * static_cast<double>(stage0.samples) * stage0.epochs +
                   per_view * static_cast<double>(plan.val) *
                       std::ceil(static_cast<double>(stage0.epochs) / stage0.validate_every);
  if (stage1.epochs == 0) return seconds;

  network::Network whole(graphs.whole, core::Rng(1), built);
  train::Stage1Options few = stage1;
  few.epochs = 1;
  few.batch = std::min<std::int64_t>(stage1.batch, 4);
  const std::vector<data::Sample> samples(static_cast<std::size_t>(few.batch),
                                          data::blank_sample(info, view.width, view.height));
  const double step = seconds_when_warm([&] {
    train::train_stage1(whole, samples, {samples[0]}, *task, few, core::Rng(1), limits, accept);
  });
  return seconds +
         step / static_cast<double>(few.batch) * static_cast<double>(plan.train) * stage1.epochs;
}

// Of a part of a supernet that is measured alone: forward passes over all pictures.
double untrained_seconds(const StudyOptions& options,
                         const graph::NetworkDescription& description,
                         const space::Genotype& genotype,
                         const data::DatasetInfo& /*info*/,
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

// Trainings before the first candidate.
double preparation_seconds(const StudyOptions& options,
                           const graph::NetworkDescription& description,
                           const BlankData& data,
                           const Plan& plan,
                           const core::Context& context) {
  if (options.searches_supernet()) {
    if (!options.supernet.trained.empty()) return 0;
    const graph::Graph whole = graph::simplified_network(space::Subnetwork(), description);
    return training_seconds(whole, options.supernet.training, data, plan, 1, context);
  }
  if (!trains_start_network(options)) return 0;
  const graph::Graph start =
      graph::simplified_network(space::parse_genotype(options.start.genotype), description);
  return training_seconds(start, options.start.training, data, plan, 1, context);
}

double final_seconds(const StudyOptions& options,
                     const graph::NetworkDescription& description,
                     const space::Genotype& genotype,
                     const BlankData& data,
                     const Plan& plan,
                     const core::Context& context) {
  if (options.final.count == 0) return 0;
  const graph::NetworkDescription final = final_description(options, description);
  const int at_once = trainings_at_once(options.final, options.final.count, context);
  return training_seconds(graph::simplified_network(genotype, final),
                          options.final.training,
                          data,
                          plan,
                          at_once,
                          context) *
         std::ceil(static_cast<double>(options.final.count) / at_once);
}

// The data set, or, where it is not at hand, what the study assumes of it.
std::unique_ptr<data::Dataset> planned_data(const StudyOptions& options,
                                            const core::Context& context) {
  const DataOptions& data = options.data;
  if (data.assumed.train == 0 || data.path.empty() || std::filesystem::exists(data.path))
    return open_study_data(options, context);
  return data::assumed_dataset(
      data.assumed, options.task.targets(), data.path + " (not there, as data.assumed says)");
}

}  // namespace

Plan plan_study(const StudyOptions& options, const core::Context& context) {
  const auto dataset = planned_data(options, context);
  if (options.is_of_grids()) return plan_grid(options, *dataset, context);
  if (!options.searches_supernet()) require_encoder_weights(options);
  const std::shared_ptr<const task::Task> task = study_task(options, dataset->info());
  Plan plan = plan_of(*dataset);
  const graph::NetworkDescription description = candidate_description(options, task->channels());
  const std::unique_ptr<const space::SearchSpace> space = make_space(options, description);
  plan.decisions = space->decisions().size();
  plan.space_size = std::exp(space::log_size(*space));
  plan.workers = options.budget.workers > 0 ? options.budget.workers : core::available_cores();

  std::vector<graph::Size> views;
  for (std::int64_t i = 0; i < plan.val; ++i) {
    const data::Sample view = data::central_view(
        dataset->read(data::Split::kVal, i), options.data.view_shorter_side, options.data.view);
    views.push_back({view.image.height, view.image.width});
  }
  if (options.searches_supernet()) {
    plan.cache_bytes = options.supernet.measuring.memory_gib * 1024 * 1024 * 1024;
  } else {
    const CacheNeeds needs = cache_needs(options, views, task->channels());
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
            options, description, genotype, dataset->info(), views.at(0), plan, device);
  });
  plan.candidate_seconds = std::accumulate(seconds.begin(), seconds.end(), 0.0) / plan.workers;
  // The workers' threads are new, and so are their pools.
  plan.memory_bytes = static_cast<double>(network::tensor_memory().peak_bytes - tensors_before) +
                      (plan.cache_in_file ? 0 : plan.cache_bytes);
  network::set_threads(context.threads);
  plan.search_seconds =
      plan.candidate_seconds * static_cast<double>(options.budget.trials) / plan.workers;
  const BlankData data = blank_data(options, *dataset);
  plan.preparation_seconds = preparation_seconds(options, description, data, plan, context);
  plan.final_seconds = final_seconds(options, description, genotype, data, plan, context);
  return plan;
}

}  // namespace parsimony::run
