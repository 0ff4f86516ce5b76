// SPDX-License-Identifier: Apache-2.0
#include "parsimony/evaluate/staged_networks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <barrier>
#include <cstring>
#include <set>
#include <thread>

#include "parsimony/core/error.h"
#include "parsimony/evaluate/part_weights.h"
#include "parsimony/evaluate/supernet_for_test.h"
#include "parsimony/network/device.h"
#include "parsimony/network/pixel_classes.h"
#include "parsimony/supernet/sliced.h"

namespace parsimony::evaluate {
namespace {

using Counts = std::vector<std::vector<std::int64_t>>;  // by batch

Counts counts_of(const std::vector<metric::ConfusionMatrix>& matrices) {
  Counts counts;
  for (const metric::ConfusionMatrix& matrix : matrices) {
    counts.emplace_back();
    for (int t = 0; t < matrix.classes(); ++t) {
      for (int p = 0; p < matrix.classes(); ++p) counts.back().push_back(matrix.count(t, p));
    }
  }
  return counts;
}

StagedNetworks make_networks(StagedNetworks::Options options) {
  const TestSupernet& test = test_supernet();
  return {test.supernet,
          test.weights,
          test.pictures.calibration,
          test.pictures.validation,
          test.classes,
          options};
}

Counts measure(StagedNetworks& networks, const graph::Choices& choices) {
  const core::StopFlag stop;
  StagedNetworks::Candidate candidate(networks, choices);
  const auto first = candidate.measure(0, 1, stop);
  const auto rest = candidate.measure(1, networks.batches(), stop);
  EXPECT_EQ(first.end, StagedNetworks::End::kFinished);
  EXPECT_EQ(rest.end, StagedNetworks::End::kFinished);
  std::vector<metric::ConfusionMatrix> all = first.batches;
  all.insert(all.end(), rest.batches.begin(), rest.batches.end());
  return counts_of(all);
}

// The supernet, its smallest part, and parents and children of a crossover, which begin alike.
std::vector<graph::Choices> family(std::int64_t children) {
  const supernet::SupernetSpace space(test_supernet().supernet);
  core::Rng rng(4);
  std::vector<graph::Choices> all = space.landmarks();
  all.push_back(space.founder(rng));
  while (std::ssize(all) < 5 + children) {
    const graph::Choices& mother = all[static_cast<std::size_t>(rng.below(std::ssize(all)))];
    graph::Choices child = all[static_cast<std::size_t>(rng.below(std::ssize(all)))];
    const std::int64_t cut = rng.below(std::ssize(child));
    std::copy(mother.begin(), mother.begin() + cut, child.begin());
    all.push_back(space.choices(child));
  }
  return all;
}

// Notes what is being done.
struct TaskNames final : core::ProgressObserver {
  void advance(const core::Progress& step) override { tasks.emplace(step.task); }
  std::set<std::string> tasks;
};

class StagedNetworksTest : public testing::TestWithParam<BatchNormMode> {};
INSTANTIATE_TEST_SUITE_P(
    Modes,
    StagedNetworksTest,
    testing::Values(BatchNormMode::kFrozen, BatchNormMode::kRecalibrated, BatchNormMode::kAligned),
    [](const auto& mode) {
      return std::string(kBatchNormModeNames[static_cast<std::size_t>(mode.param)]);
    });

// The whole network at once: sub-sampled, recalibrated, evaluated. Sums are rounded differently
// there, so a pixel now and then gets another class.
TEST_P(StagedNetworksTest, MeasureWhatTheWholeNetworkDoes) {
  at::set_num_threads(1);
  const TestSupernet& test = test_supernet();
  StagedNetworks networks = make_networks({.batch_norm = GetParam()});
  PartWeights parts(test.supernet, test.weights, test.pictures.calibration, at::kCPU);
  core::SilentLog log;
  core::SilentProgress progress;
  const core::StopFlag stop;
  const core::Context context{log, progress, stop};
  for (const graph::Choices& choices : family(3)) {
    network::Network whole(graph::subsample(test.supernet, choices), core::Rng(1), {});
    whole.load(parts.of(choices, context).value()[static_cast<std::size_t>(GetParam())],
               "the test's supernet");
    const at::NoGradGuard no_grad;
    const Counts staged = measure(networks, choices);
    std::int64_t different = 0, pixels = 0;
    std::set<std::int64_t> predicted;
    for (std::size_t b = 0; b < staged.size(); ++b) {
      const train::Batch batch = train::to_batch(test.pictures.validation[b]);
      const network::Tensor classes =
          network::pixel_classes(whole.logits({batch.pictures}, network::Phase::kEvaluation),
                                 batch.labels.classes.size(1),
                                 batch.labels.classes.size(2),
                                 network::Kernels::kFast);
      metric::ConfusionMatrix matrix(test.classes);
      matrix.add(batch.labels.classes.data_ptr<std::uint8_t>(),
                 classes.data_ptr<std::uint8_t>(),
                 classes.numel());
      const std::vector<std::int64_t> expected = counts_of({matrix})[0];
      for (std::size_t i = 0; i < expected.size(); ++i) {
        different += std::abs(expected[i] - staged[b][i]);
        if (expected[i] > 0) predicted.insert(static_cast<std::int64_t>(i) % test.classes);
      }
      pixels += matrix.total();
    }
    EXPECT_GT(predicted.size(), 1u) << "a network that always says the same proves little";
    EXPECT_LE(different, pixels / 500);
  }
}

TEST(PartWeights, MeasureTheSupernetOnceAndStopWhenAsked) {
  const TestSupernet& test = test_supernet();
  PartWeights parts(test.supernet, test.weights, test.pictures.calibration, at::kCPU);
  const graph::Choices choices = family(1).front();
  core::SilentLog log;
  TaskNames progress;
  core::StopFlag stop;
  const core::Context context{log, progress, stop};
  EXPECT_TRUE(parts.of(choices, context));
  EXPECT_EQ(progress.tasks,
            (std::set<std::string>{"a part's statistics", "the supernet's statistics"}));
  progress.tasks.clear();
  EXPECT_TRUE(parts.of(choices, context));
  EXPECT_EQ(progress.tasks, std::set<std::string>{"a part's statistics"});
  stop.request();
  EXPECT_FALSE(parts.of(choices, context));
}

// Whatever is kept, in whatever order and beside whomever they are measured.
TEST_P(StagedNetworksTest, WhatIsKeptChangesNoBit) {
  at::set_num_threads(1);
  const std::vector<graph::Choices> candidates = family(4);
  std::vector<Counts> expected;
  for (const graph::Choices& choices : candidates) {
    StagedNetworks alone = make_networks({.batch_norm = GetParam(), .memory_bytes = 0});
    expected.push_back(measure(alone, choices));
    EXPECT_EQ(alone.usage().stages, alone.usage().computed_stages);
    EXPECT_EQ(alone.usage().macs, alone.usage().computed_macs);
    EXPECT_EQ(alone.usage().kept_bytes, 0);
  }
  EXPECT_NE(expected[0], expected[1]);

  core::Rng rng(1);
  for (const double memory : {0.0, 1e6, 1e9}) {
    StagedNetworks networks = make_networks({.batch_norm = GetParam(), .memory_bytes = memory});
    std::vector<std::size_t> order(candidates.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    rng.shuffle(order);
    for (const std::size_t i : order)
      EXPECT_EQ(measure(networks, candidates[i]), expected[i]) << "with " << memory << " bytes";
    const StagedNetworks::Usage usage = networks.usage();
    EXPECT_LE(usage.kept_bytes, memory);
    if (memory == 0) {
      EXPECT_EQ(usage.computed_macs, usage.macs);
    } else {
      EXPECT_GT(usage.kept_bytes, 0);
      EXPECT_LT(usage.computed_macs, usage.macs);
      EXPECT_LT(usage.computed_stages, usage.stages);
    }
  }
  for (const double memory : {0.0, 1e6, 1e9}) {
    StagedNetworks networks = make_networks({.batch_norm = GetParam(), .memory_bytes = memory});
    std::vector<std::jthread> threads;
    std::vector<std::vector<Counts>> found(2, std::vector<Counts>(candidates.size()));
    std::barrier together(2);
    for (std::size_t t = 0; t < 2; ++t) {
      threads.emplace_back([&, t] {
        at::set_num_threads(1);
        for (std::size_t i = 0; i < candidates.size(); ++i) {
          together.arrive_and_wait();  // equal ones at once first, then different ones
          const std::size_t mine = t == 0 || i < 3 ? i : candidates.size() + 2 - i;
          found[t][mine] = measure(networks, candidates[mine]);
        }
      });
    }
    threads.clear();
    for (const auto& of_thread : found) EXPECT_EQ(of_thread, expected) << memory << " bytes";
    if (memory == 1e9) {
      // Nobody computes what the other does, but for last stages, which are not kept.
      EXPECT_LT(networks.usage().computed_macs, 0.6 * networks.usage().macs);
    }
  }
}

TEST(StagedNetworks, RecalibrationMatters) {
  StagedNetworks frozen = make_networks({.batch_norm = BatchNormMode::kFrozen});
  StagedNetworks recalibrated = make_networks({.batch_norm = BatchNormMode::kRecalibrated});
  const graph::Choices smallest = family(0)[1];
  EXPECT_NE(measure(frozen, smallest), measure(recalibrated, smallest));
}

// Statistics from other pictures are what alignment is for: whatever they are, the supernet keeps
// them, and a part gets others.
TEST(StagedNetworks, AlignmentLeavesTheSupernetAsItIs) {
  StagedNetworks frozen = make_networks({.batch_norm = BatchNormMode::kFrozen});
  StagedNetworks aligned = make_networks({.batch_norm = BatchNormMode::kAligned});
  const std::vector<graph::Choices> all = family(0);
  const Counts expected = measure(frozen, all[0]), found = measure(aligned, all[0]);
  std::int64_t different = 0, pixels = 0;
  for (std::size_t b = 0; b < expected.size(); ++b) {
    for (std::size_t i = 0; i < expected[b].size(); ++i) {
      different += std::abs(expected[b][i] - found[b][i]);
      pixels += expected[b][i];
    }
  }
  EXPECT_LE(different, pixels / 500);
  EXPECT_NE(measure(frozen, all[4]), measure(aligned, all[4]));
}

TEST(StagedNetworks, StopInTheMiddleAndGoOnLater) {
  StagedNetworks networks = make_networks({});
  core::StopFlag stop;
  const graph::Choices whole = family(0)[0];
  {
    StagedNetworks::Candidate candidate(networks, whole);
    std::jthread other([&] {
      while (networks.usage().computed_stages < 20) std::this_thread::yield();
      stop.request();
    });
    const auto stopped = candidate.measure(0, networks.batches(), stop);
    EXPECT_EQ(stopped.end, StagedNetworks::End::kStopped);
    EXPECT_TRUE(stopped.batches.empty());
  }
  StagedNetworks fresh = make_networks({});
  EXPECT_EQ(measure(networks, whole), measure(fresh, whole));
}

TEST(StagedNetworks, LogitsThatAreNoNumbersAreSaidToBe) {
  TestSupernet test = test_supernet();
  // A scale of 1e30 in one layer behind the other: each is a number, what they make is not.
  for (auto& [name, array] : test.weights.arrays) {
    if (!name.starts_with("decoder.") || !name.ends_with(".weight")) continue;
    for (std::size_t i = 0; i + 4 <= array.bytes.size(); i += 4) {
      float value = 0;
      std::memcpy(&value, &array.bytes[i], 4);
      value *= 1e20F;
      std::memcpy(&array.bytes[i], &value, 4);
    }
  }
  StagedNetworks networks(test.supernet,
                          test.weights,
                          {},
                          test.pictures.validation,
                          test.classes,
                          {.batch_norm = BatchNormMode::kFrozen});
  const core::StopFlag stop;
  StagedNetworks::Candidate candidate(networks, family(0)[0]);
  EXPECT_EQ(candidate.measure(0, 1, stop).end, StagedNetworks::End::kNotFinite);
}

TEST(StagedNetworks, RefuseWeightsOfAnotherNetwork) {
  TestSupernet test = test_supernet();
  test.weights.arrays.erase(test.weights.arrays.begin());
  EXPECT_THROW(StagedNetworks(test.supernet,
                              test.weights,
                              test.pictures.calibration,
                              test.pictures.validation,
                              test.classes,
                              {}),
               core::Error);
}

TEST(StagedNetworks, AnAcceleratorMeasuresWhatTheCpuDoes) {
  const at::Device device = network::device_of("auto");
  if (device.is_cpu()) GTEST_SKIP() << "no CUDA device: measuring on one was NOT tested";
  StagedNetworks here = make_networks({});
  StagedNetworks there = make_networks({.device = device});
  for (const graph::Choices& choices : family(2)) {
    const Counts expected = measure(here, choices);
    const Counts found = measure(there, choices);
    std::int64_t different = 0, pixels = 0;
    for (std::size_t b = 0; b < expected.size(); ++b) {
      for (std::size_t i = 0; i < expected[b].size(); ++i) {
        different += std::abs(expected[b][i] - found[b][i]);
        pixels += expected[b][i];
      }
    }
    EXPECT_LE(different, pixels / 50);
  }
}

}  // namespace
}  // namespace parsimony::evaluate
