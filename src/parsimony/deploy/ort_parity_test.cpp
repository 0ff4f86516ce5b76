// SPDX-License-Identifier: Apache-2.0
// Exported networks in ONNX Runtime against the plainest interpreter of the same graphs.
#include <gtest/gtest.h>

#include <algorithm>

#include "parsimony/core/files.h"
#include "parsimony/deploy/fold.h"
#include "parsimony/deploy/onnx_export.h"
#include "parsimony/deploy/ort.h"
#include "parsimony/deploy/parity.h"
#include "parsimony/deploy/testing/networks.h"
#include "parsimony/deploy/testing/ort_or_skip.h"
#include "parsimony/deploy/testing/reference.h"
#include "parsimony/graph/simplify.h"

namespace parsimony::deploy {
namespace {

using graph::Graph;
using graph::Size;
using testing::Map;
using testing::random_map;
using testing::random_weights;
using testing::run_reference;

constexpr double kTolerance = 1e-4;

RuntimeArray to_runtime(const Map& picture) {
  return {{1, picture.shape.channels, picture.shape.height, picture.shape.width}, picture.floats()};
}

ModelInterface interface_of(Size picture) {
  return {.height = static_cast<int>(picture.height), .width = static_cast<int>(picture.width)};
}

RuntimeArray export_and_run(const Graph& graph,
                            const weights::ArrayMap& weights,
                            const ModelInterface& interface,
                            const RuntimeArray& picture) {
  const core::TemporaryFolder folder;
  export_onnx(graph, weights, {interface, {}}, folder.path() / "model.onnx");
  RuntimeArray result = run_onnx(folder.path() / "model.onnx", picture);
  EXPECT_EQ(result.shape, onnx_output_shape(graph, interface));
  return result;
}

void expect_parity(const Map& reference, const RuntimeArray& actual) {
  ASSERT_EQ(actual.values.size(), reference.values.size());
  const Parity parity = compare(reference.floats(), actual.values, reference.shape.channels);
  EXPECT_TRUE(parity.passes(kTolerance)) << "relative difference " << parity.relative();
  EXPECT_GT(parity.max_reference, 0);
}

using RandomNetworks = testing::NeedsOrt;

TEST_F(RandomNetworks, GiveTheReferenceValues) {
  const Size size{21, 14};
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    const core::Rng rng(seed);
    const Graph graph = testing::random_network(rng, 24, 4, size);
    const weights::ArrayMap weights = random_weights(graph, rng.split("weights"));
    const Map picture = random_map({3, size.height, size.width}, rng.split("picture"));
    expect_parity(run_reference(graph, weights, picture),
                  export_and_run(graph, weights, interface_of(size), to_runtime(picture)));
  }
}

struct PublishedCase {
  const char* name;
  std::string_view genotype;
  std::string_view encoder;
  Size size;
};

void PrintTo(const PublishedCase& published, std::ostream* out) {
  *out << published.name;
}

class PublishedNetworks : public testing::NeedsOrt,
                          public ::testing::WithParamInterface<PublishedCase> {};

void expect_parity_folded_and_not(const Graph& graph, Size size) {
  const weights::ArrayMap weights = random_weights(graph, core::Rng(3));
  const Map picture = random_map({3, size.height, size.width}, core::Rng(4));
  const Map reference = run_reference(graph, weights, picture);
  const TrainedGraph folded = fold_batch_norm(graph, weights);
  expect_parity(
      reference,
      export_and_run(folded.graph, folded.weights, interface_of(size), to_runtime(picture)));
  expect_parity(reference, export_and_run(graph, weights, interface_of(size), to_runtime(picture)));
}

TEST_P(PublishedNetworks, GiveTheReferenceValuesFoldedAndNot) {
  const auto& [name, genotype, encoder, size] = GetParam();
  expect_parity_folded_and_not(drop_auxiliary(testing::cell_network(genotype, encoder, 24, 7)),
                               size);
}

INSTANTIATE_TEST_SUITE_P(
    Sizes,
    PublishedNetworks,
    ::testing::Values(
        PublishedCase{"arch0_small", testing::kArch0, "small", {64, 64}},
        PublishedCase{"arch0_small_odd", testing::kArch0, "small", {50, 70}},
        PublishedCase{"arch1_small_odd", testing::kArch1, "small", {33, 47}},
        PublishedCase{"HelenL_small", testing::kHelenL, "small", {64, 64}},
        PublishedCase{"HelenL_small_odd", testing::kHelenL, "small", {50, 70}},
        PublishedCase{"arch0_mobilenet_odd", testing::kArch0, "mobilenet_v2", {50, 70}},
        PublishedCase{"arch1_mobilenet", testing::kArch1, "mobilenet_v2", {64, 64}},
        PublishedCase{"HelenL_mobilenet_odd", testing::kHelenL, "mobilenet_v2", {50, 70}},
        PublishedCase{"arch0_ghostnet", testing::kArch0, "ghostnet", {64, 64}},
        PublishedCase{"arch1_ghostnet_c_odd", testing::kArch1, "ghostnet_c", {97, 131}},
        PublishedCase{"HelenL_ghostnet_odd", testing::kHelenL, "ghostnet", {50, 70}}),
    [](const auto& published) { return std::string(published.param.name); });

using TemplateNetworks = testing::NeedsOrt;

TEST_F(TemplateNetworks, GiveTheReferenceValuesFoldedAndNot) {
  // The last one tiles channels, pools globally at stride 2 and joins maps of one pixel.
  for (const std::string_view genotype :
       {testing::kTemplates0,
        testing::kTemplates1,
        std::string_view(
            "[[[5,2,0],[2,3,1]],[[0,1,0,1,1],[2,1,1,3,1],[1,3,0,0,0],[0,2,1,1,0]]]")}) {
    for (const Size size : {Size{64, 64}, Size{50, 70}}) {
      SCOPED_TRACE(genotype);
      const Graph graph = testing::template_network(genotype, "small", 7);
      expect_parity_folded_and_not(graph, size);
      expect_parity_folded_and_not(graph::simplify(graph), size);
    }
  }
}

TEST_F(TemplateNetworks, GiveTheReferenceValuesOnTapsOfStrides4And16) {
  const Graph graph = testing::template_network(testing::kTemplates0, "ghostnet_c", 7);
  expect_parity_folded_and_not(graph, {50, 70});
}

using GridNetworks = testing::NeedsOrt;

TEST_F(GridNetworks, GiveTheReferenceValuesFoldedAndNot) {
  for (int i = 0; i < 6; ++i) {
    SCOPED_TRACE(i);
    graph::GridOptions options;
    options.filters = 2;
    options.cells = 2;
    options.rsp = static_cast<graph::RspMode>(i % 3);
    options.close = i % 2 == 0;
    options.gate.kind = static_cast<graph::PathGate>(i % 5);
    options.gate.dynamic = i < 5;
    options.gate.temperature = i % 2 == 0 ? 0.5 : 1;
    options.head = {.scale_channels = 6, .channels = 10};
    const Graph graph = testing::grid_network(testing::kGrid, options, 7);
    expect_parity_folded_and_not(i % 2 == 0 ? graph : graph::simplify(graph),
                                 i == 0 ? Size{64, 64} : Size{35, 38});
  }
}

class ExportOptions : public testing::NeedsOrt {
 protected:
  const Size size_{50, 70};
  const Graph graph_ = drop_auxiliary(testing::cell_network(testing::kArch0, "small", 16, 5));
  const weights::ArrayMap weights_ = random_weights(graph_, core::Rng(5));
};

TEST_F(ExportOptions, NormaliseInside) {
  core::Rng rng(6);
  Map raw = testing::make_map({3, size_.height, size_.width});
  for (double& value : raw.values) value = static_cast<double>(rng.below(256));
  ModelInterface interface = interface_of(size_);
  interface.normalise_inside = true;
  Map normalised = raw;
  for (std::int64_t c = 0; c < 3; ++c) {
    const auto channel = static_cast<std::size_t>(c);
    for (std::int64_t y = 0; y < size_.height; ++y) {
      for (std::int64_t x = 0; x < size_.width; ++x) {
        normalised.at(c, y, x) =
            (raw.at(c, y, x) / 255 - interface.mean[channel]) / interface.deviation[channel];
      }
    }
  }
  expect_parity(run_reference(graph_, weights_, normalised),
                export_and_run(graph_, weights_, interface, to_runtime(raw)));
}

TEST_F(ExportOptions, PictureLogitsAndClasses) {
  const Map picture = random_map({3, size_.height, size_.width}, core::Rng(7));
  const Map full = testing::resize_bilinear(run_reference(graph_, weights_, picture), size_);
  ModelInterface interface = interface_of(size_);
  interface.output = OutputKind::kPictureLogits;
  expect_parity(full, export_and_run(graph_, weights_, interface, to_runtime(picture)));

  interface.output = OutputKind::kClasses;
  for (const IdType ids : {IdType::kUint8, IdType::kInt64}) {
    interface.ids = ids;
    const RuntimeArray classes = export_and_run(graph_, weights_, interface, to_runtime(picture));
    std::int64_t same = 0;
    for (std::int64_t y = 0; y < size_.height; ++y) {
      for (std::int64_t x = 0; x < size_.width; ++x) {
        std::int64_t best = 0;
        for (std::int64_t c = 1; c < 5; ++c)
          best = full.at(c, y, x) > full.at(best, y, x) ? c : best;
        same += classes.values[static_cast<std::size_t>(y * size_.width + x)] ==
                        static_cast<float>(best)
                    ? 1
                    : 0;
      }
    }
    // Rounding may decide where two classes are equally likely.
    EXPECT_GE(same, size_.height * size_.width - 3);
  }
}

using SimplifiedNetworks = testing::NeedsOrt;

TEST_F(SimplifiedNetworks, Run) {
  const Size size{50, 70};
  // With "none" in the cell, unused encoder taps and look-alike blocks.
  constexpr std::string_view kGenotypes[] = {
      testing::kHelenL,
      "[[10,[1,0,0,0],[0,0,9,9],[4,1,9,9]],[[2,1],[3,4],[5,2]]]",
      "[[9,[0,0,10,4],[1,2,9,10],[3,0,4,9]],[[3,3],[4,4],[0,5]]]"};
  for (const std::string_view genotype : kGenotypes) {
    SCOPED_TRACE(genotype);
    const Graph graph =
        drop_auxiliary(graph::simplify(testing::cell_network(genotype, "small", 16, 5)));
    const weights::ArrayMap weights = random_weights(graph, core::Rng(8));
    const Map picture = random_map({3, size.height, size.width}, core::Rng(9));
    expect_parity(run_reference(graph, weights, picture),
                  export_and_run(graph, weights, interface_of(size), to_runtime(picture)));
  }
}

TEST_F(SimplifiedNetworks, RunEvenWhenTheyIgnoreThePicture) {
  const Size size{32, 32};
  const Graph graph = drop_auxiliary(
      graph::simplify(testing::cell_network("[[10,[0,0,10,10]],[[0,0]]]", "small", 16, 5)));
  ASSERT_TRUE(graph::is_constant(graph));
  const weights::ArrayMap weights = random_weights(graph, core::Rng(8));
  const Map picture = random_map({3, size.height, size.width}, core::Rng(9));
  expect_parity(run_reference(graph, weights, picture),
                export_and_run(graph, weights, interface_of(size), to_runtime(picture)));
}

TEST_F(SimplifiedNetworks, OfNothingButTheirInputRun) {
  Graph g;
  g.outputs.push_back(
      {"logits", g.add(graph::Input{3, 1}, {}, graph::Section::kDecoder, "picture")});
  const Map picture = random_map({3, 4, 5}, core::Rng(1));
  EXPECT_EQ(export_and_run(g, {}, interface_of({4, 5}), to_runtime(picture)).values,
            picture.floats());
}

}  // namespace
}  // namespace parsimony::deploy
