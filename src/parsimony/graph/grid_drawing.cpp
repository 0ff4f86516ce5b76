// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <map>

#include "parsimony/graph/drawing.h"
#include "parsimony/graph/drawing_canvas.h"
#include "parsimony/graph/grid_network.h"

namespace parsimony::graph {
namespace {

using space::GridEdge;
using space::GridOp;
using space::kGridScales;

// ---- the cell ----

struct OpLook {
  std::string_view title, detail, style;
};

OpLook look_of(GridOp op) {
  switch (op) {
    case GridOp::kMaxPool3x3:
      return {"max pool 3×3", "", "pool"};
    case GridOp::kAvgPool3x3:
      return {"avg pool 3×3", "", "pool"};
    case GridOp::kSkip:
      return {"skip", "", "skip"};
    case GridOp::kSepConv3x3:
      return {"sep 3×3", "twice", "sep"};
    case GridOp::kSepConv5x5:
      return {"sep 5×5", "twice", "sep"};
    case GridOp::kDilConv3x3:
      return {"sep 3×3", "dilation 2", "conv"};
    case GridOp::kDilConv5x5:
      return {"sep 5×5", "dilation 2", "conv"};
  }
  return {"?", "", "plain"};
}

constexpr double kOpWidth = 104, kOpHeight = 40, kSumSize = 24, kPlainHeight = 30;

class CellDrawer {
 public:
  explicit CellDrawer(const space::GridCell& cell) : cell_(cell) {
    diagram_.label =
        fmt::format("Cell with {} nodes and {} operations", cell.nodes(), cell.edges.size());
  }

  std::string draw() {
    for (int i = 0; i < cell_.inputs; ++i) {
      const std::string which = cell_.inputs == 1 ? "cell input" : fmt::format("input {}", i);
      values_.push_back(add({.layout = {0, kOpWidth, kOpHeight, /*keep_order=*/true},
                             .style = "plain",
                             .title = which,
                             .detail = "conv 1×1",
                             .tooltip = which + ", brought to the width of a node"}));
    }
    for (auto edge = cell_.edges.begin(); edge != cell_.edges.end();) {
      const int node = edge->node;
      std::vector<std::size_t> terms;
      for (; edge != cell_.edges.end() && edge->node == node; ++edge)
        terms.push_back(operation(*edge));
      values_.push_back(terms.size() == 1 ? terms[0] : sum(node, terms));
    }
    const std::vector<std::size_t> nodes(values_.begin() + cell_.inputs, values_.end());
    const std::size_t out = add(
        {.layout = {1 + rank_of(nodes), 132, kPlainHeight},
         .style = "plain",
         .title = nodes.size() == 1 ? "cell output" : fmt::format("concatenate {}", nodes.size()),
         .tooltip = "the cell's output: all of its nodes"});
    for (const std::size_t node : nodes) diagram_.connect(node, out, "part of the output", false);
    return to_svg(diagram_);
  }

 private:
  std::size_t add(DrawnBox box) { return diagram_.add(std::move(box)); }

  int rank_of(const std::vector<std::size_t>& boxes) const {
    int rank = 0;
    for (const std::size_t box : boxes) rank = std::max(rank, diagram_.boxes[box].layout.rank);
    return rank;
  }

  std::size_t operation(const space::GridCellEdge& edge) {
    const std::size_t source = values_[static_cast<std::size_t>(edge.source)];
    const OpLook look = look_of(edge.op);
    const std::size_t box =
        add({.layout = {rank_of({source}) + 1, kOpWidth, kOpHeight},
             .style = look.style,
             .title = std::string(look.title),
             .detail = std::string(look.detail),
             .tooltip = fmt::format("node {}: {} of {}",
                                    edge.node,
                                    space::kGridOpNames[static_cast<std::size_t>(edge.op)],
                                    edge.source)});
    diagram_.connect(source, box, fmt::format("{} to {}", edge.source, edge.node), false);
    return box;
  }

  std::size_t sum(int node, const std::vector<std::size_t>& terms) {
    const std::size_t box = add({.layout = {rank_of(terms) + 1, kSumSize, kSumSize},
                                 .style = "sum",
                                 .tooltip = fmt::format("node {}: the sum", node)});
    for (const std::size_t term : terms)
      diagram_.connect(term, box, fmt::format("part of node {}", node), false);
    return box;
  }

  const space::GridCell& cell_;
  Diagram diagram_;
  std::vector<std::size_t> values_;  // boxes of the cell's inputs and nodes
};

// ---- the grid ----

constexpr double kNodeWidth = 92, kNodeHeight = 44;
constexpr double kColumnPitch = 150, kRowPitch = 84;
constexpr double kLeft = 72, kTop = 28;  // room for the names of rows and columns
constexpr double kEndWidth = 64;         // of stem and head
constexpr double kEntrySpread = 9;       // between arrows that lead to one node
constexpr double kEntryRoom = 16;        // most that they are spread to either side

class GridDrawer {
 public:
  GridDrawer(const space::GridGenotype& genotype, const GridOptions& options)
      : genotype_(genotype), options_(options) {
    std::size_t paths = 0;
    for (const space::GridLayer& layer : genotype.layers) paths += layer.size();
    diagram_.label = fmt::format("Grid of {} layers with {} paths", genotype.layers.size(), paths);
    diagram_.caption =
        fmt::format("{} cell{} in a node, {}; {} path attention",
                    options.cells,
                    options.cells == 1 ? "" : "s",
                    options.rsp == RspMode::kNone
                        ? "of all channels"
                        : fmt::format("{}, of half of the channels",
                                      kRspModeNames[static_cast<std::size_t>(options.rsp)]),
                    kPathGateNames[static_cast<std::size_t>(options.gate.kind)]);
  }

  std::string draw() {
    rows_ = 1;
    for (std::size_t l = 1; l <= genotype_.layers.size(); ++l) {
      for (const GridEdge& edge : possible(l)) rows_ = std::max(rows_, edge.to + 1);
    }
    const unsigned first = source_set(genotype_.layers[0]);
    const std::size_t stem = end("stem", 0, std::bit_width(first), "the stem");
    for (int scale = 0; scale < kGridScales; ++scale) made_by_[scale] = stem;
    for (std::size_t l = 1; l <= genotype_.layers.size(); ++l) layer(l);
    head();
    for (int scale = 0; scale < rows_; ++scale)
      note(0, y_of(scale) + 4, fmt::format("stride {}", space::grid_stride(scale)));
    arrangement_.layout.width = x_of(genotype_.layers.size() + 1) + kNodeWidth / 2;
    arrangement_.layout.height = y_of(rows_ - 1) + kRowPitch / 2;
    return to_svg(diagram_, arrangement_);
  }

 private:
  static double x_of(std::size_t column) {
    return kLeft + kEndWidth / 2 + kColumnPitch * static_cast<double>(column);
  }
  static double y_of(int scale) { return kTop + kNodeHeight / 2 + kRowPitch * scale; }

  space::GridLayer possible(std::size_t layer) const {
    return space::possible_edges(options_.rules, static_cast<int>(layer));
  }

  void note(double x, double y, std::string text) {
    arrangement_.notes.push_back({{x, y}, std::move(text)});
  }

  std::size_t place(DrawnBox box, double x, double y) {
    arrangement_.layout.centres.push_back({x, y});
    return diagram_.add(std::move(box));
  }

  // Stem and head reach over all rows that they give or read.
  std::size_t end(const std::string& title,
                  std::size_t column,
                  int rows,
                  const std::string& tooltip) {
    const double height = kNodeHeight + kRowPitch * (rows - 1);
    return place(
        {.layout = {0, kEndWidth, height}, .style = "plain", .title = title, .tooltip = tooltip},
        x_of(column),
        y_of(0) + kRowPitch * (rows - 1) / 2);
  }

  void layer(std::size_t number) {
    const space::GridLayer& edges = genotype_.layers[number - 1];
    const unsigned alive = sink_set(edges);
    unsigned nodes = alive;
    for (const GridEdge& edge : possible(number)) nodes |= 1U << edge.to;
    note(x_of(number) - kNodeWidth / 2, 12, fmt::format("layer {}", number));
    std::map<int, std::size_t> made;
    for (int scale = 0; scale < kGridScales; ++scale) {
      if ((nodes >> scale & 1U) == 0) continue;
      const bool lives = (alive >> scale & 1U) != 0;
      made[scale] = place(node(number, scale, lives), x_of(number), y_of(scale));
    }
    for (const GridEdge& edge : edges) {
      const double entry =
          std::clamp(kEntrySpread * (edge.from - edge.to), -kEntryRoom, kEntryRoom);
      connect(made_by_[edge.from],
              made[edge.to],
              y_of(edge.from),
              y_of(edge.to) + entry,
              fmt::format("layer {}: {}", number, kind_of(edge)));
    }
    made_by_ = std::move(made);
  }

  DrawnBox node(std::size_t layer, int scale, bool lives) const {
    if (!lives) {
      return {.layout = {0, kNodeWidth, kNodeHeight},
              .style = "dropped",
              .tooltip = fmt::format(
                  "layer {}, stride {}: no path leads here", layer, space::grid_stride(scale)),
              .faded = true};
    }
    const auto fed = std::ranges::count(genotype_.layers[layer - 1], scale, &GridEdge::to);
    const std::int64_t channels = grid_channels(genotype_.cell.nodes(), options_, scale);
    return {.layout = {0, kNodeWidth, kNodeHeight},
            .style = fed > 1 ? "conv" : "sep",
            .title = fmt::format("{} ch", channels),
            .detail = fed > 1 ? fmt::format("fuses {}", fed) : "",
            .tooltip = fmt::format("layer {}, stride {}: {} channels, {} path{}",
                                   layer,
                                   space::grid_stride(scale),
                                   channels,
                                   fed,
                                   fed == 1 ? "" : "s")};
  }

  static std::string kind_of(const GridEdge& edge) {
    if (edge.from == edge.to) return fmt::format("keeps scale {}", edge.from);
    return fmt::format(
        "{} from scale {} to {}", edge.from < edge.to ? "down" : "up", edge.from, edge.to);
  }

  void head() {
    const unsigned read = sink_set(genotype_.layers.back());
    const std::size_t box = end("head",
                                genotype_.layers.size() + 1,
                                std::bit_width(read),
                                "the head: all scales concatenated at stride 4");
    for (int scale = 0; scale < kGridScales; ++scale) {
      if ((read >> scale & 1U) == 0) continue;
      connect(made_by_[scale], box, y_of(scale), y_of(scale), "to the head");
    }
  }

  void connect(std::size_t from, std::size_t to, double begin, double end, std::string tooltip) {
    const auto edge_of = [&](std::size_t box, int side) {
      return arrangement_.layout.centres[box].x + side * diagram_.boxes[box].layout.width / 2;
    };
    diagram_.connect(from, to, std::move(tooltip), false);
    arrangement_.layout.routes.push_back({{edge_of(from, 1), begin}, {edge_of(to, -1), end}});
  }

  const space::GridGenotype& genotype_;
  const GridOptions& options_;
  int rows_ = 1;
  std::map<int, std::size_t> made_by_;  // the box that has made each scale's latest map
  Diagram diagram_;
  Arrangement arrangement_;
};

}  // namespace

std::string draw_grid_cell(const space::GridCell& cell) {
  return CellDrawer(cell).draw();
}

std::string draw_paths(const space::GridGenotype& genotype, const GridOptions& options) {
  return GridDrawer(genotype, options).draw();
}

}  // namespace parsimony::graph
