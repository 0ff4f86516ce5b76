// SPDX-License-Identifier: Apache-2.0
#include "parsimony/supernet/stages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "parsimony/core/rng.h"
#include "parsimony/graph/cost.h"
#include "parsimony/graph/deeplab.h"

namespace parsimony::supernet {
namespace {

using graph::Choices;
using graph::NodeId;
using graph::Supernet;

std::vector<Supernet> supernets() {
  graph::DeeplabOptions xception;
  xception.backbone = graph::DeeplabBackbone::kXception65;
  graph::DeeplabOptions dense;
  dense.head = graph::DeeplabHead::kDense;
  dense.output_stride = 8;
  graph::DeeplabOptions plain;  // DeepLabV3 without branches and decoder
  plain.atrous_branches = plain.decoder = false;
  plain.aspp_channels = 8;  // too few to be narrowed: the branches are sites alone
  std::vector<Supernet> all;
  for (const auto& options : {graph::DeeplabOptions{}, xception, dense, plain})
    all.push_back(graph::deeplab_supernet(options, 2));
  return all;
}

Choices random_choices(const Supernet& supernet, core::Rng& rng) {
  Choices choices;
  bool kept = false;
  for (const graph::Site& site : supernet.sites) {
    choices.push_back(static_cast<int>(rng.below(site.options())));
    if (site.kind != graph::SiteKind::kBranch) continue;
    if (!kept) choices.back() = 0;
    kept = true;
  }
  return choices;
}

TEST(Stages, CoverTheNetworkAndEverySiteOnce) {
  for (const Supernet& supernet : supernets()) {
    const std::vector<Stage> stages = stages_of(supernet);
    NodeId next = 0;
    std::vector<std::size_t> sites;
    for (const Stage& stage : stages) {
      EXPECT_EQ(stage.first, next);
      EXPECT_LE(stage.first, stage.last);
      next = stage.last + 1;
      sites.insert(sites.end(), stage.sites.begin(), stage.sites.end());
    }
    EXPECT_EQ(next, static_cast<NodeId>(supernet.graph.nodes.size()));
    std::ranges::sort(sites);
    ASSERT_EQ(sites.size(), supernet.sites.size());
    for (std::size_t i = 0; i < sites.size(); ++i) EXPECT_EQ(sites[i], i);
  }
}

// The 16 blocks with an expansion of MobileNet-v2 are a stage each, behind what nobody prunes, and
// so are the middle units of Xception.
TEST(Stages, BlocksAreStages) {
  const auto all = supernets();
  const std::vector<Stage> mobilenet = stages_of(all[0]);
  EXPECT_GE(mobilenet.size(), 1u + 16u + 1u);
  EXPECT_TRUE(mobilenet[0].sites.empty());
  for (std::size_t i = 1; i <= 16; ++i) {
    EXPECT_GE(mobilenet[i].sites.size(), 1u) << i;
    EXPECT_LE(mobilenet[i].sites.size(), 2u) << i;
  }
  EXPECT_GE(stages_of(all[1]).size(), 1u + 16u + 2u);
}

// Between stages live the map that is worked on, the low-level map, and where a stage begins within
// a block what the block's shortcut will add (Xception's exit flow).
TEST(Stages, FewValuesCross) {
  core::Rng rng(1);
  for (const Supernet& supernet : supernets()) {
    const std::vector<Stage> stages = stages_of(supernet);
    for (int i = 0; i < 20; ++i) {
      const auto parts = staged(supernet, stages, random_choices(supernet, rng));
      for (std::size_t k = 0; k + 1 < parts.size(); ++k) {
        EXPECT_GE(parts[k].live.size(), 1u);
        EXPECT_LE(parts[k].live.size(), 3u) << "after stage " << k;
      }
      EXPECT_EQ(parts.back().live.size(), 1u);  // the logits
    }
  }
}

// Every stage finds its inputs among what is live, all layers of the candidate are in one stage,
// and what the last leaves is the candidate's output.
TEST(Stages, TogetherAreTheCandidate) {
  core::Rng rng(2);
  for (const Supernet& supernet : supernets()) {
    const std::vector<Stage> stages = stages_of(supernet);
    for (int i = 0; i < 50; ++i) {
      const Choices choices = random_choices(supernet, rng);
      const graph::Graph candidate = graph::subsample(supernet, choices);
      const auto parts = staged(supernet, stages, choices);
      std::set<NodeId> live;
      std::size_t layers = 0;
      for (const StageGraph& part : parts) {
        for (const NodeId input : part.inputs)
          EXPECT_TRUE(live.contains(input)) << supernet.graph[input].name;
        EXPECT_EQ(part.graph.outputs.size(), part.outputs.size());
        live.insert(part.outputs.begin(), part.outputs.end());
        for (const NodeId id : part.live) EXPECT_TRUE(live.contains(id));
        live = {part.live.begin(), part.live.end()};
        if (!part.graph.nodes.empty()) layers += part.graph.nodes.size() - part.inputs.size();
      }
      EXPECT_EQ(layers, candidate.nodes.size());
      ASSERT_EQ(live.size(), 1u);
      EXPECT_EQ(supernet.graph[*live.begin()].name, candidate[candidate.output("logits")].name);
    }
  }
}

// What makes sharing right: candidates that agree in the sites of the stages up to one have the
// same layers there and leave the same values.
TEST(Stages, EqualChoicesMeanEqualStages) {
  core::Rng rng(3);
  for (const Supernet& supernet : supernets()) {
    const std::vector<Stage> stages = stages_of(supernet);
    for (int i = 0; i < 60; ++i) {
      const Choices a = random_choices(supernet, rng);
      Choices b = random_choices(supernet, rng);
      const auto common = static_cast<std::size_t>(rng.below(std::ssize(stages)));
      for (std::size_t k = 0; k <= common; ++k) {
        for (const std::size_t site : stages[k].sites) b[site] = a[site];
      }
      const auto of_a = staged(supernet, stages, a);
      const auto of_b = staged(supernet, stages, b);
      const auto slices_a = graph::channel_slices(supernet, a);
      const auto slices_b = graph::channel_slices(supernet, b);
      for (std::size_t k = 0; k <= common; ++k) {
        EXPECT_EQ(of_a[k].inputs, of_b[k].inputs);
        EXPECT_EQ(of_a[k].outputs, of_b[k].outputs);
        EXPECT_EQ(of_a[k].live, of_b[k].live);
        ASSERT_EQ(of_a[k].graph.nodes.size(), of_b[k].graph.nodes.size()) << "stage " << k;
        for (std::size_t n = 0; n < of_a[k].graph.nodes.size(); ++n) {
          const graph::Node& node = of_a[k].graph.nodes[n];
          EXPECT_EQ(node.name, of_b[k].graph.nodes[n].name);
          EXPECT_TRUE(node.layer == of_b[k].graph.nodes[n].layer) << node.name;
          EXPECT_EQ(node.inputs, of_b[k].graph.nodes[n].inputs);
          if (graph::has_weights(node.layer)) {
            EXPECT_TRUE(slices_a.at(node.name) == slices_b.at(node.name)) << node.name;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace parsimony::supernet
