// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/core/rng.h"
#include "parsimony/graph/subsample.h"
#include "parsimony/weights/tensor_file.h"

namespace parsimony::supernet {

// How important a channel of a width site is.
enum class ImportanceRule {
  // Sum of |W[:, c, :, :]| over the dense convolutions that read the channel, behind depthwise
  // convolutions and whatever else keeps channels apart: the rule of Once-for-All (Cai et al., ICLR
  // 2020), re_organize_middle_weights in its code.
  kL1Consumer,
  kL1Producer,  // sum of |W[c, :, :, :]| of the convolution that writes it
  kBnGamma,     // |weight| of the batch norm right behind that convolution; 0 without one
  kFirstK,      // all alike: channels stay where they are
  kRandom,
};
inline constexpr std::array<std::string_view, 5> kImportanceRuleNames = {
    "l1_consumer", "l1_producer", "bn_gamma", "first_k", "random"};

// Convolutions of width sites whose channels stand for each other, so that they can only be
// permuted alike: where a bypass puts the result of one in the place of the other's. Most groups
// are one convolution; branches of one site that a concatenation joins are groups of their own.
struct ChannelGroup {
  std::vector<graph::NodeId> producers;  // ascending
  std::vector<double> importance;        // per channel, sums over producers and consumers
};

// All groups of the supernet, by first producer. `rng` is for kRandom.
std::vector<ChannelGroup> channel_groups(const graph::Supernet& supernet,
                                         const weights::ArrayMap& weights,
                                         ImportanceRule rule,
                                         core::Rng rng);

// The same network with the channels of every group in descending order of importance, equals in
// the order they had: a candidate that keeps the first k keeps the k most important ones. Every
// candidate's function is that of the same candidate with the channels chosen by importance; the
// supernet's own is unchanged but for the rounding of sums in another order. Residual streams and
// other channels without site stay.
//
// The arrays are those that the graph reads, no others; types and metadata stay. User errors of
// check_weights (sliced.h); an internal error when a site's channels are summed with
// channels without site, or reach a grouped convolution or an output.
weights::ArrayMap ordered(const graph::Supernet& supernet,
                          const weights::ArrayMap& weights,
                          ImportanceRule rule = ImportanceRule::kL1Consumer,
                          core::Rng rng = core::Rng());

}  // namespace parsimony::supernet
