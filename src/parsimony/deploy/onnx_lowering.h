// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "parsimony/deploy/onnx_builder.h"
#include "parsimony/graph/graph.h"
#include "parsimony/weights/tensor_file.h"

namespace parsimony::deploy {

// Appends the nodes of a graph's only output to an ONNX graph and returns the name of the result.
// `picture` is the name of what enters. Layers whose content is not needed leave no node: shapes
// are static, so a map that only lends its size is never computed.
std::string append_graph(OnnxBuilder& builder,
                         const graph::Graph& graph,
                         const weights::ArrayMap& weights,
                         graph::Size size,
                         const std::string& picture);

// Bilinear resampling of a [1, C, h, w] result as PyTorch does it with align_corners = false.
std::string append_resize(OnnxBuilder& builder,
                          const std::string& value,
                          graph::Shape to,
                          const std::string& name);

}  // namespace parsimony::deploy
