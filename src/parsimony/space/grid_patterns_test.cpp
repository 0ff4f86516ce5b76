// SPDX-License-Identifier: Apache-2.0
#include "parsimony/space/grid_patterns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/core/error.h"

namespace parsimony::space {
namespace {

using ::testing::ElementsAre;

TEST(GridPatterns, AreAllSetsOfEdges) {
  std::vector<std::size_t> non_empty;
  for (const GridLayerPatterns& layer : layer_patterns(5, {}))
    non_empty.push_back(layer.size() - 1);
  EXPECT_THAT(non_empty, ElementsAre(3, 31, 255, 1023, 1023));
  const GridRules full{.connectivity = GridConnectivity::kFull};
  EXPECT_EQ(layer_patterns(4, full)[3].size() - 1, 65535U);
  EXPECT_THROW(layer_patterns(0, {}), core::Error);
}

TEST(GridPatterns, KnowTheirEdgesAndScales) {
  for (const GridConnectivity connectivity :
       {GridConnectivity::kNeighbour, GridConnectivity::kFull}) {
    const GridRules rules{.connectivity = connectivity};
    const std::vector<GridLayerPatterns> layers = layer_patterns(4, rules);
    for (std::size_t l = 0; l < layers.size(); ++l) {
      EXPECT_EQ(layers[l].edges, possible_edges(rules, static_cast<int>(l) + 1));
      for (GridPattern q = 0; q < layers[l].size(); ++q) {
        const GridLayer kept = layers[l].kept(q);
        ASSERT_EQ(layers[l].sources[q], source_set(kept))
            << "pattern " << q << " of layer " << l + 1;
        ASSERT_EQ(layers[l].sinks[q], sink_set(kept)) << "pattern " << q << " of layer " << l + 1;
      }
    }
  }
  const GridLayerPatterns second = layer_patterns(2, {})[1];  // 0-0, 0-1, 1-0, 1-1, 1-2
  EXPECT_EQ(second.kept(0b10010), (GridLayer{{0, 1}, {1, 2}}));
}

}  // namespace
}  // namespace parsimony::space
