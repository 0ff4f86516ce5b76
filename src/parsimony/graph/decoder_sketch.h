// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "parsimony/graph/drawing_canvas.h"

namespace parsimony::graph {

// What the drawing of a decoder says; the same for all spaces: encoder taps, blocks of two inputs
// each, and a head that joins the blocks which no block reads.
struct DecoderSketch {
  struct Tap {
    std::int64_t stride = 1;
    std::string remark;  // ends the tooltip
  };
  struct Block {
    std::array<std::size_t, 2> inputs = {};  // entries of the pool: taps, then blocks
    std::string detail, left_note = {}, right_note = {};
    std::string tooltip;
  };
  std::vector<Tap> taps;
  std::vector<Block> blocks;
  std::vector<int> collected;  // at least one
  std::string resolution;      // of the logits, in words
  std::string caption = {};
  bool constant = false;  // faded: nothing in it depends on the picture
};

Diagram diagram_of(const DecoderSketch& sketch);

}  // namespace parsimony::graph
