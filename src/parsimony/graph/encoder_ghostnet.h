// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/graph/encoder.h"

namespace parsimony::graph {

// Light GhostNet-style encoders (Han et al., CVPR 2020), System B's kind: a strided stem and eight
// ghost bottlenecks, half of them with squeeze-and-excite, strides 2 to 32. Layers are named as in
// the released code ("features.3.conv.2.fc.0"), whose fully connected layers are 1x1 convolutions
// here.
//
// A, B and C are the three configurations committed in Lyu et al.'s code: 261 344, 127 107 and
// 27 296 parameters. The encoder of their paper has "0.18 M" and is not published. `ghostnet` is
// ours: B's widths down to stride 16 and A's at stride 32, 176 507 parameters. With its adaptation
// to decoder width 48 that makes 194 747, the constant of 194.8 k in the parameter counts of their
// logs.
std::vector<Tap> ghostnet(Graph& graph, NodeId picture, const EncoderOptions& options);
std::vector<Tap> ghostnet_a(Graph& graph, NodeId picture, const EncoderOptions& options);
std::vector<Tap> ghostnet_b(Graph& graph, NodeId picture, const EncoderOptions& options);
std::vector<Tap> ghostnet_c(Graph& graph, NodeId picture, const EncoderOptions& options);

}  // namespace parsimony::graph
