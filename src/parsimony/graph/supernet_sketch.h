// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/graph/subsample.h"

namespace parsimony::graph {

// What the drawing of a candidate of a supernet says: the supernet's blocks and what the candidate
// keeps of them.
struct SupernetSketch {
  // Channels of a width site's convolutions in one block.
  struct Width {
    std::string site;
    std::int64_t kept = 0, full = 0;
  };

  struct Block {
    std::string name;                       // "encoder.features.3"
    std::string_view style;                 // of its box, see graph/drawing_canvas.h
    std::int64_t channels = 0;              // of its result in the candidate, else in the supernet
    std::int64_t stride = 0;                // of its result; 0 when that has no more than one pixel
    std::int64_t kernel = 1, dilation = 1;  // the largest within
    std::vector<std::size_t> inputs;  // blocks whose results it reads, ascending; all before it
    std::vector<Width> widths;
    std::vector<std::string> remarks;  // what is chosen at its sites, "encoder.features.3: dropped"
    bool left_out = false;             // nothing of it is computed
    bool passed_by = false;            // and its input takes the place of its result
  };
  std::vector<Block> blocks;  // from the picture to the logits
  std::string summary;        // "3 of 11 blocks dropped · 2 of 5 branches dropped · ..."
};

// A block is what shares a name up to its first part that ends in a digit ("encoder.features.3",
// "decoder.aspp1"), else up to the kind of layer ("decoder.image_pooling" of
// "decoder.image_pooling.conv"). Throws what subsample throws.
SupernetSketch sketch_of(const Supernet& supernet, const Choices& choices);

}  // namespace parsimony::graph
