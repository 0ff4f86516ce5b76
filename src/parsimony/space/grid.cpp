// SPDX-License-Identifier: Apache-2.0
#include "parsimony/space/grid.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "parsimony/core/error.h"
#include "parsimony/space/list_reader.h"

namespace parsimony::space {
namespace {

constexpr std::string_view kForm = "{cell:[[node,source,op], ...],paths:[[from-to, ...], ...]}";
constexpr int kMostInputs = 2;
constexpr int kMostNodes = 64;

std::string scales_text(unsigned set) {
  std::vector<int> scales;
  for (int scale = 0; scale < kGridScales; ++scale) {
    if ((set >> scale & 1U) != 0) scales.push_back(scale);
  }
  return fmt::format("{{{}}}", fmt::join(scales, ","));
}

GridCell read_cell(ListReader& reader, std::string_view text) {
  GridCell cell;
  int last = 0;
  reader.list([&] {
    GridCellEdge edge;
    reader.expect('[');
    edge.node = reader.code(kMostNodes, "node", "nodes");
    if (cell.edges.empty()) {
      if (edge.node < 1 || edge.node > kMostInputs) {
        core::throw_user_error(
            "genotype '{}': the cell's first node is {}, expected 1 (behind one input) or 2 (behind "
            "two)",
            text,
            edge.node);
      }
      cell.inputs = last = edge.node;
    }
    if (edge.node != last && edge.node != last + 1) {
      core::throw_user_error(
          "genotype '{}': an edge of the cell's node {} follows node {}; expected nodes in order, "
          "each with at least one edge",
          text,
          edge.node,
          last);
    }
    last = edge.node;
    reader.expect(',');
    edge.source = reader.index(edge.node, "inputs and nodes before");
    reader.expect(',');
    edge.op = static_cast<GridOp>(reader.name(kGridOpNames, "operation"));
    reader.expect(']');
    for (const GridCellEdge& other : cell.edges) {
      if (other.node == edge.node && other.source == edge.source) {
        core::throw_user_error("genotype '{}': the cell's node {} reads {} twice; expected once",
                               text,
                               edge.node,
                               edge.source);
      }
    }
    cell.edges.push_back(edge);
  });
  std::ranges::stable_sort(cell.edges, [](const GridCellEdge& a, const GridCellEdge& b) {
    return a.node != b.node ? a.node < b.node : a.source < b.source;
  });
  return cell;
}

GridLayer read_layer(ListReader& reader, std::string_view text, std::size_t number) {
  GridLayer layer;
  reader.list([&] {
    GridEdge edge;
    edge.from = reader.index(kGridScales, "scales");
    reader.expect('-');
    edge.to = reader.index(kGridScales, "scales");
    if (std::ranges::find(layer, edge) != layer.end()) {
      core::throw_user_error("genotype '{}': layer {} has the path {}-{} twice; expected once",
                             text,
                             number,
                             edge.from,
                             edge.to);
    }
    layer.push_back(edge);
  });
  std::ranges::sort(layer);
  return layer;
}

}  // namespace

unsigned source_set(const GridLayer& layer) {
  unsigned set = 0;
  for (const GridEdge& edge : layer) set |= 1U << edge.from;
  return set;
}

unsigned sink_set(const GridLayer& layer) {
  unsigned set = 0;
  for (const GridEdge& edge : layer) set |= 1U << edge.to;
  return set;
}

GridGenotype parse_grid_genotype(std::string_view text) {
  ListReader reader(text, kForm);
  GridGenotype genotype;
  reader.expect('{');
  reader.keyword("cell");
  reader.expect(':');
  genotype.cell = read_cell(reader, text);
  reader.expect(',');
  reader.keyword("paths");
  reader.expect(':');
  reader.list(
      [&] { genotype.layers.push_back(read_layer(reader, text, genotype.layers.size() + 1)); });
  reader.expect('}');
  reader.expect_end();
  for (std::size_t l = 1; l < genotype.layers.size(); ++l) {
    const unsigned made = sink_set(genotype.layers[l - 1]);
    const unsigned read = source_set(genotype.layers[l]);
    if (made == read) continue;
    core::throw_user_error(
        "genotype '{}': layer {} reads the scales {}, but layer {} makes {}; expected the same, so "
        "that every node is fed and read",
        text,
        l + 1,
        scales_text(read),
        l,
        scales_text(made));
  }
  return genotype;
}

std::string to_text(const GridGenotype& genotype) {
  std::vector<std::string> edges;
  for (const GridCellEdge& edge : genotype.cell.edges) {
    edges.push_back(fmt::format(
        "[{},{},{}]", edge.node, edge.source, kGridOpNames[static_cast<std::size_t>(edge.op)]));
  }
  std::vector<std::string> layers;
  for (const GridLayer& layer : genotype.layers) {
    std::vector<std::string> paths;
    for (const GridEdge& edge : layer) paths.push_back(fmt::format("{}-{}", edge.from, edge.to));
    layers.push_back(fmt::format("[{}]", fmt::join(paths, ",")));
  }
  return fmt::format("{{cell:[{}],paths:[{}]}}", fmt::join(edges, ","), fmt::join(layers, ","));
}

void GridRules::visit(core::FieldVisitor& v) {
  v.choice("connectivity",
           connectivity,
           kGridConnectivityNames,
           {"paths between neighbouring scales, or between all"});
  v.choice("start",
           start,
           kGridStartNames,
           {"whether the stem gives the finest scale alone (triangular) or all of them"});
}

GridLayer possible_edges(const GridRules& rules, int layer) {
  const bool triangular = rules.start == GridStart::kTriangular;
  const int coarsest_source = triangular ? std::min(layer - 1, kGridScales - 1) : kGridScales - 1;
  const int coarsest_sink = triangular ? std::min(layer, kGridScales - 1) : kGridScales - 1;
  GridLayer edges;
  for (int from = 0; from <= coarsest_source; ++from) {
    for (int to = 0; to <= coarsest_sink; ++to) {
      if (rules.connectivity == GridConnectivity::kFull || std::abs(from - to) <= 1)
        edges.push_back({from, to});
    }
  }
  return edges;
}

void check_paths(const GridGenotype& genotype, const GridRules& rules) {
  for (std::size_t l = 0; l < genotype.layers.size(); ++l) {
    const GridLayer possible = possible_edges(rules, static_cast<int>(l) + 1);
    for (const GridEdge& edge : genotype.layers[l]) {
      if (std::ranges::binary_search(possible, edge)) continue;
      core::throw_user_error(
          "genotype '{}': layer {} has the path {}-{}, which a {} grid with a {} start has not; change "
          "the path, or grid.connectivity or grid.start",
          to_text(genotype),
          l + 1,
          edge.from,
          edge.to,
          kGridConnectivityNames[static_cast<std::size_t>(rules.connectivity)],
          kGridStartNames[static_cast<std::size_t>(rules.start)]);
    }
  }
}

}  // namespace parsimony::space
