// SPDX-License-Identifier: Apache-2.0
#include "parsimony/report/gate_picture.h"

#include <algorithm>

#include "parsimony/report/html.h"

namespace parsimony::report {
namespace {

using space::GridEdge;
using space::GridLayer;

constexpr double kLeft = 84, kTop = 44;  // of the stem's finest node; room for names
constexpr double kColumn = 128, kRow = 62, kNode = 8;
constexpr double kFaintest = 0.06;  // so that the picture shows every edge that there is
// A path may be kept whose gate is all but closed, where nothing else leads on from a node.
constexpr double kFaintestKept = 0.3;

double x_of(std::size_t layer) {
  return kLeft + kColumn * static_cast<double>(layer);
}

double y_of(int scale) {
  return kTop + kRow * scale;
}

bool contains(const std::vector<GridLayer>& paths, std::size_t layer, const GridEdge& edge) {
  return layer < paths.size() && std::ranges::find(paths[layer], edge) != paths[layer].end();
}

// Layer l of the grid leads from column l - 1 to column l; its edges and gates are at index l - 1.
class GatePicture {
 public:
  GatePicture(const differentiable::PathSearchHistory& search, std::vector<GridLayer> possible)
      : search_(search), possible_(std::move(possible)) {}

  std::string draw(const std::string& title) {
    int scales = 1;
    for (const GridLayer& layer : possible_)
      for (const GridEdge& edge : layer) scales = std::max({scales, edge.from + 1, edge.to + 1});
    put(out_,
        R"(<div class="scroll"><figure class="chart gates"><figcaption>{}</figcaption>)",
        escape_markup(title));
    put(out_,
        R"(<svg viewBox="0 0 {:.0f} {:.0f}" role="group" tabindex="0" aria-roledescription="drawing" aria-label="{}">)",
        x_of(possible_.size()) + kLeft / 2,
        y_of(scales - 1) + 24,
        escape_markup(title + ". One column for each layer, one row for each scale."));
    names(scales);
    for (std::size_t l = 1; l <= possible_.size(); ++l) {
      for (std::size_t e = 0; e < possible_[l - 1].size(); ++e) edge(l, e);
    }
    nodes();
    out_ += "</svg></figure></div>\n";
    return std::move(out_);
  }

 private:
  void names(int scales) {
    out_ += "<g aria-hidden=\"true\">\n";
    for (int scale = 0; scale < scales; ++scale)
      put(out_,
          R"(<text class="start" x="0" y="{:.1f}">stride {}</text>)",
          y_of(scale) + 4.5,
          space::grid_stride(scale));
    for (std::size_t l = 0; l <= possible_.size(); ++l)
      put(out_,
          R"(<text x="{:.1f}" y="16">{}</text>)",
          x_of(l),
          l == 0 ? std::string("stem") : fmt::format("layer {}", l));
    out_ += "</g>\n";
  }

  void edge(std::size_t layer, std::size_t index) {
    const GridEdge& edge = possible_[layer - 1][index];
    const double gate = search_.gates[layer - 1][index];
    const double deviation = search_.deviations[layer - 1][index];
    const bool kept = contains(search_.paths, layer - 1, edge);
    const double x = x_of(layer - 1) + kNode + 3, end = x_of(layer) - kNode - 3;
    const double middle = (x + end) / 2;
    put(out_,
        R"(<path class="gate{}{}" stroke-opacity="{:.2f}" d="M{:.1f} {:.1f}C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}" data-tip="{}"/>)",
        kept ? " kept" : "",
        deviation > kSteadyGate ? " varies" : "",
        std::clamp(gate, kept ? kFaintestKept : kFaintest, 1.0),
        x,
        y_of(edge.from),
        middle,
        y_of(edge.from),
        middle,
        y_of(edge.to),
        end,
        y_of(edge.to),
        fmt::format("layer {}, stride {} to stride {}\ngate {:.2f}, deviation {:.2f}\n{}",
                    layer,
                    space::grid_stride(edge.from),
                    space::grid_stride(edge.to),
                    gate,
                    deviation,
                    kept ? "kept" : "closed"));
  }

  // A node that no path leads to, or from, is hollow.
  void nodes() {
    for (std::size_t l = 0; l <= possible_.size(); ++l) {
      const unsigned there =
          l == 0 ? source_set(possible_.front()) : space::sink_set(possible_[l - 1]);
      unsigned alive = 0;
      if (l > 0 && l <= search_.paths.size()) alive = space::sink_set(search_.paths[l - 1]);
      if (l == 0 && !search_.paths.empty()) alive = space::source_set(search_.paths.front());
      for (int scale = 0; scale < space::kGridScales; ++scale) {
        if ((there >> scale & 1U) == 0) continue;
        put(out_,
            R"(<circle class="node{}" cx="{:.1f}" cy="{:.1f}" r="{}"/>)",
            (alive >> scale & 1U) != 0 ? " kept" : "",
            x_of(l),
            y_of(scale),
            kNode);
      }
    }
  }

  const differentiable::PathSearchHistory& search_;
  std::vector<GridLayer> possible_;  // edges, by layer
  std::string out_;
};

}  // namespace

std::string render_gates(const differentiable::PathSearchHistory& search,
                         const space::GridRules& rules,
                         const std::string& title) {
  std::vector<GridLayer> possible;
  for (std::size_t l = 0; l < search.gates.size(); ++l) {
    possible.push_back(space::possible_edges(rules, static_cast<int>(l) + 1));
    const std::size_t edges = possible.back().size();
    if (search.gates[l].size() != edges || l >= search.deviations.size() ||
        search.deviations[l].size() != edges)
      return {};
  }
  return possible.empty() ? "" : GatePicture(search, std::move(possible)).draw(title);
}

}  // namespace parsimony::report
