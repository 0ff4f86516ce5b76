// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "parsimony/graph/encoder.h"
#include "parsimony/network/network.h"

namespace parsimony::network {

// Encoder weights from elsewhere under the names of this project's graphs
// ("encoder.features.0.0.weight"). Knows torchvision's MobileNet-v2 (with or without the expansion
// of its first block, as in MXNet's weights) and the names of the released GhostNet, bare
// ("features...") or inside another network ("backbone.features..."), and files that Parsimony
// wrote. When the file has no first expansion
// but the encoder wants one, the convolution becomes the identity: exact in evaluation mode; `note`
// then says that training mode differs. A user error names the file and what was looked for when it
// holds no such encoder.
struct EncoderWeights {
  weights::ArrayMap arrays;
  std::string note;
};
EncoderWeights encoder_weights(const weights::ArrayMap& file,
                               const graph::EncoderOptions& encoder,
                               const std::string& source);

}  // namespace parsimony::network
