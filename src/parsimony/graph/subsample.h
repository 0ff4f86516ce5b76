// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "parsimony/graph/graph.h"

// Sub-sampling of a trained network, the supernet (FMAS: Xiong et al., arXiv 2303.16322): a
// candidate leaves out blocks and branches of it and keeps the first channels of others, and takes
// the weights of what remains over from it.
namespace parsimony::graph {

enum class SiteKind { kBypass, kBranch, kWidth };

// One place where a supernet can be made smaller.
struct Site {
  SiteKind kind = SiteKind::kBypass;
  std::string name;  // "encoder.features.3", "decoder.aspp.channels"; unique among the sites

  // Bypass: the value of `to` can be replaced by that of `from`, which has the same shape, channel
  // by channel: who permutes the one's channels has to permute the other's alike.
  // Branch: input `from` of the concatenation `to` can be left out.
  NodeId from = -1, to = -1;

  // Width: convolutions that together keep only the first of their output channels, which must not
  // reach a sum or an output of the graph. A convolution belongs to at most one site.
  std::vector<NodeId> producers;
  std::vector<std::int64_t> channels;  // to choose from, descending; the first is the supernet's

  // Bypass and branch: 0 keeps, 1 drops. Width: index into `channels`.
  int options() const { return kind == SiteKind::kWidth ? static_cast<int>(channels.size()) : 2; }
};

struct Supernet {
  Graph graph;
  std::vector<Site> sites;  // from the picture to the logits
};

// One small number per site, 0 for what the supernet has.
using Choices = std::vector<int>;

// All functions below: a user error when the number of choices is wrong, one lies outside its
// site's options, or no branch of a concatenation stays.

// The candidate as an ordinary graph. Nodes keep their names and their order; the choice of zeros
// gives the supernet's graph.
Graph subsample(const Supernet& supernet, const Choices& choices);

// The same candidate with 0 at the sites that do not matter, as widths inside dropped blocks:
// candidates are equal exactly when these choices are.
Choices canonical(const Supernet& supernet, const Choices& choices);

// Channels of one of the supernet's layers that a candidate's layer of the same name keeps,
// ascending. `outputs` has as many as the candidate's layer has output channels, `inputs` as its
// input has; they are equal for batch norms, scales and depthwise convolutions (whose weights have
// one input channel, so that only `outputs` selects there).
struct ChannelSlice {
  std::vector<std::int64_t> outputs, inputs;
  bool operator==(const ChannelSlice&) const = default;
};

// By the names of all weighted nodes of the candidate.
std::map<std::string, ChannelSlice> channel_slices(const Supernet& supernet,
                                                   const Choices& choices);

}  // namespace parsimony::graph
