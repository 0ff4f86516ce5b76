// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/plan_timing.h"

#include <algorithm>
#include <numeric>

#include "parsimony/core/parallel.h"
#include "parsimony/network/device.h"
#include "parsimony/network/threads.h"
#include "parsimony/run/preparation.h"

namespace parsimony::run {
namespace {

constexpr int kSampledGenotypes = 101;

}  // namespace

Plan plan_of(const data::Dataset& dataset) {
  Plan plan;
  plan.dataset = dataset.info().name;
  plan.train = dataset.size(data::Split::kTrain);
  plan.val = dataset.size(data::Split::kVal);
  plan.test = dataset.size(data::Split::kTest);
  plan.classes = static_cast<std::int64_t>(dataset.info().classes.size());
  return plan;
}

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

BlankData blank_data(const StudyOptions& options, const data::Dataset& dataset) {
  const graph::Size picture = picture_size(dataset);
  return {study_task(options, dataset.info()),
          data::blank_sample(dataset.info(), picture.width, picture.height)};
}

double training_seconds(const graph::Graph& network,
                        const train::TrainerOptions& training,
                        const BlankData& data,
                        const Plan& plan,
                        int at_once,
                        const core::Context& context) {
  train::TrainerOptions few = training;
  few.epochs = few.validate_every = 1;
  const data::Sample& blank = data.sample;
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
        train::train_fully(net, samples, validation, *data.task, few, core::Rng(1), {}, silent, "");
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

}  // namespace parsimony::run
