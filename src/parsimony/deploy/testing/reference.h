// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "parsimony/core/rng.h"
#include "parsimony/graph/graph.h"
#include "parsimony/weights/tensor_file.h"

// The plainest interpreter of a network: nested loops in double precision, every layer as its
// definition says. Slow; the truth that exports and fast kernels are tested against.
namespace parsimony::deploy::testing {

struct Map {
  graph::Shape shape;
  std::vector<double> values;

  double at(std::int64_t c, std::int64_t y, std::int64_t x) const;
  double& at(std::int64_t c, std::int64_t y, std::int64_t x);
  std::vector<float> floats() const;
};

Map make_map(graph::Shape shape);
Map random_map(graph::Shape shape, core::Rng rng);

Map run_reference(const graph::Graph& graph,
                  const weights::ArrayMap& weights,
                  const Map& picture,
                  std::string_view output = "logits");

Map resize_bilinear(const Map& from, graph::Size size);

// Weights that keep activations around one, whatever the depth.
weights::ArrayMap random_weights(const graph::Graph& graph, core::Rng rng);

}  // namespace parsimony::deploy::testing
