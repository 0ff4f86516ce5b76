// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/classifier.h"

#include <gtest/gtest.h>

#include <string>

#include "parsimony/graph/cost.h"
#include "parsimony/graph/simplify.h"

namespace parsimony::graph {
namespace {

TEST(Classifier, GivesOneValuePerClassForPicturesOfAnySize) {
  for (const EncoderFamily& family : encoder_families()) {
    EncoderOptions encoder;
    encoder.name = std::string(family.name);
    const Graph graph = simplify(classifier(encoder, 17));
    verify(graph);
    for (const Size size : {Size{64, 64}, Size{97, 131}}) {
      const Shape shape =
          infer_shapes(graph, size)[static_cast<std::size_t>(graph.output("logits"))];
      EXPECT_EQ(shape, (Shape{17, 1, 1})) << family.name;
    }
    EXPECT_FALSE(is_constant(graph));
  }
}

// MobileNet-v2's last tap has 320 channels.
TEST(Classifier, AddsALinearLayerToTheEncoder) {
  const auto params = [](int classes) { return count_parameters(classifier({}, classes)).decoder; };
  EXPECT_EQ(params(10), 320 * 10 + 10);
  EXPECT_EQ(params(2), 320 * 2 + 2);
}

}  // namespace
}  // namespace parsimony::graph
