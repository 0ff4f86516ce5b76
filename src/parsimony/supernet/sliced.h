// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "parsimony/graph/subsample.h"
#include "parsimony/weights/tensor_file.h"

namespace parsimony::supernet {

// A user error unless `weights` holds every array of the graph's layers with its shape, of a
// floating type, finite, and variances that batch norms can divide by. It names the first array
// that is wrong, what was expected and found, and how many others are missing or not finite.
// Further arrays are allowed.
void check_weights(const graph::Graph& graph, const weights::ArrayMap& weights);

// The weights of a candidate: those of the supernet's channels that it keeps
// (graph::channel_slices). The arrays are those that subsample(supernet, choices) reads, no others;
// types and metadata stay. Pays no attention to how important channels are: see importance.h.
// User errors of check_weights and of graph::subsample.
weights::ArrayMap sliced(const graph::Supernet& supernet,
                         const weights::ArrayMap& weights,
                         const graph::Choices& choices);

// The arrays of the graph's nodes that `channels` names, with the outputs and inputs given there,
// in the order given there. For weights that check_weights accepts.
weights::ArrayMap selected(const graph::Graph& graph,
                           const weights::ArrayMap& weights,
                           const std::map<std::string, graph::ChannelSlice>& channels);

}  // namespace parsimony::supernet
