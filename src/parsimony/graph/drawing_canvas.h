// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "parsimony/graph/layered_layout.h"

namespace parsimony::graph {

// One box of a drawing as the reader sees it.
struct DrawnBox {
  LayoutBox layout;
  std::string_view style = {};  // "conv", "sep", "pool", "skip", "none", "plain", "sum"
  std::string title = {};       // first line
  std::string detail = {};      // second line, may be empty
  std::string left_note = {}, right_note = {};  // small text in the upper corners
  std::string tooltip = {};
  bool faded = false;
};

struct DrawnArrow {
  LayoutArrow layout;
  std::string tooltip = {};
  bool faded = false;
};

struct Diagram {
  std::string label;    // read out by screen readers
  std::string caption;  // below the drawing, may be empty
  std::vector<DrawnBox> boxes;
  std::vector<DrawnArrow> arrows;
  // When not empty: a frame with this name around the boxes of rank 0, which lead from left to
  // right.
  std::string frame;

  std::size_t add(DrawnBox box);
  void connect(std::size_t from, std::size_t to, std::string tooltip, bool faded);
};

std::string to_svg(const Diagram& diagram);

}  // namespace parsimony::graph
