// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/graph/encoder.h"

namespace parsimony::graph {

// An encoder that tells whole pictures apart, to pre-train it on a classification set: spatial mean
// of its last map, then a linear layer ("decoder.classifier"). Output "logits", [classes, 1, 1].
Graph classifier(const EncoderOptions& encoder, int classes);

}  // namespace parsimony::graph
