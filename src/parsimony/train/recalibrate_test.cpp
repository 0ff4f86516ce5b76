// SPDX-License-Identifier: Apache-2.0
#include "parsimony/train/recalibrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/core/error.h"

namespace parsimony::train {
namespace {

using graph::Section;
using network::Network;

constexpr std::int64_t kChannels = 3;

// Two batch norms, one behind the other.
graph::Graph norms() {
  graph::Graph graph;
  const auto picture = graph.add(graph::Input{kChannels, 1}, {}, Section::kEncoder, "picture");
  const auto first = graph.add(graph::BatchNorm{kChannels}, {picture}, Section::kEncoder, "first");
  const auto second = graph.add(graph::BatchNorm{kChannels}, {first}, Section::kDecoder, "second");
  graph.outputs.push_back({"logits", second});
  return graph;
}

// A pooled map with a batch norm, as in the image pooling of a DeepLab.
graph::Graph pooling() {
  graph::Graph graph;
  const auto picture = graph.add(graph::Input{kChannels, 1}, {}, Section::kEncoder, "picture");
  const auto pooled = graph.add(graph::GlobalPool{}, {picture}, Section::kDecoder, "pool");
  const auto norm =
      graph.add(graph::BatchNorm{kChannels}, {pooled}, Section::kDecoder, "pool.norm");
  graph.outputs.push_back({"logits", norm});
  return graph;
}

// Pictures whose channels have means and deviations of their own.
Tensor pictures(std::int64_t count, double mean, double deviation) {
  auto generator = at::detail::createCPUGenerator(17 + static_cast<std::uint64_t>(count));
  const Tensor shift = at::arange(kChannels).view({1, -1, 1, 1});
  return at::randn({count, kChannels, 5, 7}, generator) * deviation + mean + shift;
}

Tensor mean_of(const Tensor& x) {
  return x.mean(at::IntArrayRef{0, 2, 3});
}
Tensor variance_of(const Tensor& x) {
  return x.var(at::IntArrayRef{0, 2, 3}, /*unbiased=*/true);
}

void expect_near(const Tensor& a, const Tensor& b) {
  EXPECT_TRUE(at::allclose(a, b, 1e-4, 1e-5)) << a << b;
}

TEST(Recalibrate, OneBatchGivesItsStatistics) {
  Network network(norms(), core::Rng(1), {});
  const Tensor batch = pictures(4, 5, 2);
  recalibrate(network, {{batch}});
  const auto statistics = network.buffers();
  ASSERT_EQ(statistics.size(), 4u);
  expect_near(statistics[0].second, mean_of(batch));
  expect_near(statistics[1].second, variance_of(batch));
  // The second one saw what the first had normalised with the batch's own statistics.
  expect_near(statistics[2].second, at::zeros({kChannels}));
  expect_near(statistics[3].second, at::ones({kChannels}) * (140.0 / 139));
}

TEST(Recalibrate, BatchesCountByTheirPictures) {
  Network network(norms(), core::Rng(1), {});
  const Tensor large = pictures(5, 1, 1);
  const Tensor small = pictures(2, 8, 3);
  recalibrate(network, {{large}, {small}});
  const auto statistics = network.buffers();
  expect_near(statistics[0].second, (mean_of(large) * 5 + mean_of(small) * 2) / 7);
  expect_near(statistics[1].second, (variance_of(large) * 5 + variance_of(small) * 2) / 7);
  // Again the same: what the statistics were has no influence.
  const Tensor before = statistics[1].second.clone();
  recalibrate(network, {{large}, {small}});
  EXPECT_TRUE(at::equal(network.buffers()[1].second, before));
}

TEST(Aligned, GivesThePartWhatTheWholeHasBehindItsBatchNorm) {
  // A whole whose own statistics say mean 3, deviation 2 of what the pictures show as mean 1,
  // deviation 4: behind the norm it has mean -1, deviation 2. The part shows mean 10, deviation 8.
  const auto values = [](double value) { return at::full({2}, value, at::kFloat); };
  const Statistics own = {values(3), values(4)}, whole = {values(1), values(16)};
  const Statistics part = {values(10), values(64)};
  const Statistics found = aligned(part, whole, own);
  const at::Tensor deviation = (found[1] + network::kNormEpsilon).sqrt();
  EXPECT_TRUE(at::allclose((values(10) - found[0]) / deviation, values(-1), 1e-4, 1e-4));
  EXPECT_TRUE(at::allclose(values(8) / deviation, values(2), 1e-4, 1e-4));
  // What the part computes as the whole does keeps its own.
  const Statistics same = aligned(whole, whole, own);
  EXPECT_TRUE(at::allclose(same[0], own[0]));
  EXPECT_TRUE(at::allclose(same[1], own[1]));
  EXPECT_ANY_THROW(aligned(part, whole, {values(3)}));
}

TEST(Recalibrate, ChangesStatisticsOnly) {
  Network network(norms(), core::Rng(1), {});
  const weights::ArrayMap before = network.save();
  batch_pass(network, {pictures(4, 5, 2)});
  for (const auto& [name, array] : network.save().arrays)
    EXPECT_EQ(array.bytes, before.arrays.at(name).bytes) << name;
  recalibrate(network, {{pictures(4, 5, 2)}});
  for (const auto& [name, array] : network.save().arrays) {
    const bool statistic = name.find(".running_") != std::string::npos;
    EXPECT_EQ(array.bytes != before.arrays.at(name).bytes, statistic) << name;
  }
  const weights::ArrayMap after = network.save();
  recalibrate(network, {});
  for (const auto& [name, array] : network.save().arrays)
    EXPECT_EQ(array.bytes, after.arrays.at(name).bytes) << name;
}

// What is calibrated on is normalised almost as in the pass that calibrated.
TEST(Recalibrate, EvaluationAfterwardsIsThePass) {
  Network network(norms(), core::Rng(1), {});
  const Tensor batch = pictures(6, -3, 4);
  const Tensor in_pass = batch_pass(network, {batch}).outputs[0];
  recalibrate(network, {{batch}});
  const at::NoGradGuard no_grad;
  const Tensor afterwards = network.forward({batch}, network::Phase::kEvaluation)[0];
  EXPECT_LT((in_pass - afterwards).abs().max().item<double>(), 0.05);
}

TEST(Recalibrate, ANetworkWithoutBatchNormStaysAsItIs) {
  graph::Graph graph;
  const auto picture = graph.add(graph::Input{kChannels, 1}, {}, Section::kEncoder, "picture");
  graph.outputs.push_back(
      {"logits", graph.add(graph::Conv{kChannels, 2}, {picture}, Section::kDecoder, "classifier")});
  Network network(graph, core::Rng(1), {});
  recalibrate(network, {{pictures(2, 0, 1)}, {pictures(3, 0, 1)}});
  EXPECT_EQ(batch_pass(network, {pictures(2, 0, 1)}).outputs[0].size(1), 2);
}

TEST(Recalibrate, OnePictureHasNoVarianceWhereAMapWasPooled) {
  Network network(pooling(), core::Rng(1), {});
  try {
    recalibrate(network, {{pictures(1, 0, 1)}});
    FAIL() << "a variance of one value";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kInternal);
    EXPECT_THAT(error.what(), testing::HasSubstr("'pool.norm' sees a map of one pixel"));
  }
  recalibrate(network, {{pictures(2, 0, 1)}});
  Network wide(norms(), core::Rng(1), {});
  recalibrate(wide, {{pictures(1, 0, 1)}});  // many pixels are enough
}

}  // namespace
}  // namespace parsimony::train
