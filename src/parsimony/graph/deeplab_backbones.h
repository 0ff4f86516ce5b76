// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "parsimony/graph/deeplab.h"
#include "parsimony/graph/encoder.h"
#include "parsimony/graph/subsample.h"

namespace parsimony::graph {

// The maps that a DeepLab head reads.
struct DeeplabMaps {
  Tap low_level;   // of stride 4
  Tap high_level;  // of the output stride
};

// Appends the backbone to the supernet's graph, which holds the picture, and its sites to the
// supernet's. Xception-65 is the modified aligned Xception of the DeepLabV3+ paper.
DeeplabMaps add_backbone(Supernet& supernet, NodeId picture, const DeeplabOptions& options);

// A site where the value of `from` can stand for that of `to`.
void add_bypass_site(Supernet& supernet, const std::string& name, NodeId from, NodeId to);

// A site where the concatenation `to` can do without its input `from`.
void add_branch_site(Supernet& supernet, const std::string& name, NodeId from, NodeId to);

// A site for the channels of `maps`, results of convolutions, batch norms, ReLUs and the like: all
// of them, or the given shares, which descend, rounded to multiples of 8. No site where that leaves
// nothing to choose.
void add_width_site(Supernet& supernet,
                    const std::string& name,
                    const std::vector<NodeId>& maps,
                    std::span<const double> shares);

}  // namespace parsimony::graph
