// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

namespace parsimony::graph {

// Where the boxes and arrows of a drawing go: a layered layout (Sugiyama, Tagawa, Toda, IEEE SMC
// 1981). Boxes stand in ranks from top to bottom. An arrow bends only between two ranks, and one
// that passes a rank is given a slot of its own among its boxes, so no arrow ever runs through a
// box.
//
//   const Layout layout = lay_out({{0, 80, 30}, {1, 80, 30}}, {{0, 1}}, {});
struct LayoutBox {
  int rank = 0;
  double width = 0, height = 0;
  // A box of a rank whose order the caller fixes, left to right as listed (encoder taps).
  bool keep_order = false;
};

struct LayoutArrow {
  std::size_t from = 0, to = 0;  // boxes; `to` stands in a later rank
};

struct LayoutOptions {
  double box_gap = 22;   // between neighbours of a rank
  double slot_gap = 14;  // between a passing arrow and its neighbours
  double rank_gap = 34;  // between ranks, where arrows bend
};

struct LayoutPoint {
  double x = 0, y = 0;
};

struct Layout {
  std::vector<LayoutPoint> centres;  // of the boxes
  // Per arrow an even number of points: it leaves at the first, enters at the last, runs straight
  // down from the 1st to the 2nd, the 3rd to the 4th, ... and bends between the 2nd and 3rd, ...
  std::vector<std::vector<LayoutPoint>> routes;
  double width = 0, height = 0;  // everything lies within [0, width] x [0, height]
};

Layout lay_out(const std::vector<LayoutBox>& boxes,
               const std::vector<LayoutArrow>& arrows,
               const LayoutOptions& options);

}  // namespace parsimony::graph
