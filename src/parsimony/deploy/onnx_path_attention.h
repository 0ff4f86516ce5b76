// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "parsimony/deploy/onnx_builder.h"
#include "parsimony/graph/graph.h"
#include "parsimony/weights/tensor_file.h"

namespace parsimony::deploy {

// Appends a path-attention node (graph/path_attention.h) over `maps`, [1, C, H, W] results, to an
// ONNX graph and returns the name of what it gives. Scores are computed by two 1x1 convolutions of
// pooled pixels, whose weights all maps share; weights that depend on no map are constants.
std::string append_path_attention(OnnxBuilder& builder,
                                  const graph::Node& node,
                                  const weights::ArrayMap& weights,
                                  const std::vector<std::string>& maps);

}  // namespace parsimony::deploy
