// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "parsimony/graph/layered_layout.h"

namespace parsimony::graph {

// A bar that shows which share of something is there.
struct DrawnGauge {
  double share = 1;
  std::string text;
};

// One box of a drawing as the reader sees it.
struct DrawnBox {
  LayoutBox layout;
  std::string_view style = {};  // "conv", "sep", "pool", "skip", "none", "plain", "sum", "dropped"
  std::string title = {};       // first line
  std::string detail = {};      // second line, may be empty
  std::vector<DrawnGauge> gauges = {};          // below the title, in place of a second line
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

// By lay_out.
std::string to_svg(const Diagram& diagram);

// A part of the drawing with a name in its upper left corner.
struct DrawnFrame {
  double x = 0, y = 0, width = 0, height = 0;  // x, y: the upper left corner
  std::string name;
};

struct DrawnNote {
  LayoutPoint at;  // where the text begins
  std::string text;
};

// Places that the caller chooses. A route of two points that are not above each other leads to the
// right, in a bend where their heights differ.
struct Arrangement {
  Layout layout;  // everything lies within it, frames and notes as well
  std::vector<DrawnFrame> frames;
  std::vector<DrawnNote> notes;
};
std::string to_svg(const Diagram& diagram, const Arrangement& arrangement);

// Height of a box with so many gauges.
double height_with_gauges(std::size_t gauges);

}  // namespace parsimony::graph
