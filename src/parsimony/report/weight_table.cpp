// SPDX-License-Identifier: Apache-2.0
#include "parsimony/report/weight_table.h"

#include <algorithm>
#include <cmath>

#include "parsimony/report/html.h"
#include "parsimony/space/mixed_cell.h"

namespace parsimony::report {
namespace {

using space::CandidateOp;
using space::GridCell;
using space::MixedEdge;

constexpr double kDarkest = 0.75;  // of the colour; ink is read on it

std::string name_of(const CandidateOp& op) {
  return op ? std::string(space::kGridOpNames[static_cast<std::size_t>(*op)]) : "none";
}

// "input" or "node 2", as people count.
std::string place(const GridCell& cell, int index) {
  if (index >= cell.inputs) return fmt::format("node {}", index - cell.inputs + 1);
  return cell.inputs == 1 ? "input" : fmt::format("input {}", index + 1);
}

bool decided(const GridCell& cell, const MixedEdge& edge, const CandidateOp& op) {
  return op && std::ranges::find(cell.edges, space::GridCellEdge{edge.node, edge.source, *op}) !=
                   cell.edges.end();
}

bool is_of(const std::vector<std::vector<double>>& weights,
           const std::vector<MixedEdge>& edges,
           const std::vector<CandidateOp>& ops) {
  return weights.size() == edges.size() &&
         std::ranges::all_of(weights, [&ops](const std::vector<double>& row) {
           return row.size() == ops.size() &&
                  std::ranges::all_of(row, [](double weight) { return std::isfinite(weight); });
         });
}

const differentiable::CellNote* end_of(const differentiable::CellSearchHistory& search) {
  if (search.epochs.empty()) return nullptr;
  if (search.returned_to.empty()) return &search.epochs.back();
  // One that went back and on from there ends with its last epoch, as one that never did.
  for (const differentiable::CellNote& note : search.epochs) {
    if (note.epoch == search.returned_to.back() && note.cell == search.cell) return &note;
  }
  return &search.epochs.back();
}

}  // namespace

std::string render_weights(const differentiable::CellSearchHistory& search,
                           const std::string& title) {
  const differentiable::CellNote* end = end_of(search);
  if (end == nullptr || end->weights.empty()) return {};
  const GridCell& cell = end->cell;
  const std::vector<CandidateOp> ops = space::all_candidate_ops();
  const std::vector<MixedEdge> edges =
      space::mixed_edges({.nodes = cell.nodes(), .inputs = cell.inputs, .ops = ops});
  if (!is_of(end->weights, edges, ops)) return {};
  std::string out;
  put(out,
      R"(<div class="scroll"><table class="weights"><caption>{}</caption><thead><tr><th scope="col">Edge</th>)",
      escape_markup(fmt::format("{}, epoch {}", title, end->epoch + 1)));
  for (const CandidateOp& op : ops) put(out, R"(<th scope="col">{}</th>)", name_of(op));
  out += "</tr></thead><tbody>\n";
  for (std::size_t e = 0; e < edges.size(); ++e) {
    put(out,
        R"(<tr><th scope="row">{} → {}</th>)",
        place(cell, edges[e].source),
        place(cell, edges[e].node));
    for (std::size_t o = 0; o < ops.size(); ++o) {
      const double weight = std::clamp(end->weights[e][o], 0.0, 1.0);
      put(out,
          R"(<td{} style="--weight: {:.1f}%">{:.0f}</td>)",
          decided(cell, edges[e], ops[o]) ? R"( class="decided")" : "",
          100 * kDarkest * weight,
          100 * weight);
    }
    out += "</tr>\n";
  }
  out += "</tbody></table></div>\n";
  return out;
}

}  // namespace parsimony::report
