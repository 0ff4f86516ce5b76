// SPDX-License-Identifier: Apache-2.0
#include "parsimony/bilevel/path_relaxation.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "parsimony/core/error.h"

namespace parsimony::bilevel {
namespace {

using graph::PathGate;

constexpr double kOpenGamma = 1.5;  // of relu_tanh, which would stay shut below 0 (spec rspnet 4.5)

graph::Graph graph_of(const PathRelaxation::Design& design) {
  return graph::path_supernet(
      design.paths,
      design.cell,
      design.network,
      design.classes,
      design.presence ? graph::NodePresence::kGiven : graph::NodePresence::kCertain);
}

}  // namespace

std::string PathRelaxation::Entry::attention() const {
  return fmt::format("layer{}.scale{}.attention", layer + 1, scale);
}

std::vector<PathRelaxation::Entry> PathRelaxation::entries_of(
    const std::vector<space::GridLayer>& paths) {
  std::vector<Entry> entries;
  for (std::size_t l = 0; l < paths.size(); ++l) {
    std::map<int, std::vector<std::int64_t>> leading;
    for (std::size_t e = 0; e < paths[l].size(); ++e)
      leading[paths[l][e].to].push_back(static_cast<std::int64_t>(e));
    for (auto& [scale, edges] : leading) entries.push_back({l, scale, std::move(edges)});
  }
  return entries;
}

PathRelaxation::PathRelaxation(Design design,
                               core::Rng rng,
                               const network::Network::Options& options)
    : design_(std::move(design)),
      entries_(entries_of(design_.paths)),
      network_(graph_of(design_), rng.split("weights"), options) {
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> shapes;
  for (std::size_t l = 0; l < design_.paths.size(); ++l)
    shapes.push_back({fmt::format("layer{}", l + 1), {std::ssize(design_.paths[l])}});
  architecture_ = network::parameter_group(
      shapes, at::TensorOptions().dtype(options.dtype).device(options.device));
  const double centre = design_.network.gate.kind == PathGate::kReluTanh ? kOpenGamma : 0;
  core::Rng stream = rng.split("gammas");
  const Tensor values = architecture_.values.detach();
  for (std::int64_t i = 0; i < values.numel(); ++i)
    values[i].fill_(centre + design_.initial_deviation * stream.normal());
}

Tensor PathRelaxation::gammas_of(const Entry& entry) const {
  const Tensor& layer = architecture_.tensors[entry.layer].second;
  return layer.index_select(0, at::tensor(entry.edges, at::kLong).to(layer.device()));
}

// The network has path attention where several edges meet, in the order of the entries.
std::vector<Tensor> PathRelaxation::coefficients() const {
  std::vector<Tensor> all;
  for (const Entry& entry : entries_) {
    if (entry.edges.size() > 1) all.push_back(gammas_of(entry));
    if (design_.presence) all.push_back(presence_of(entry));
  }
  return all;
}

// That not all edges which lead there are closed.
Tensor PathRelaxation::presence_of(const Entry& entry) const {
  return 1 - (1 - opened(gammas_of(entry).unsqueeze(0))).prod(1);
}

Tensor PathRelaxation::opened(const Tensor& scores) const {
  const double temperature = design_.network.gate.temperature;
  switch (design_.network.gate.kind) {
    case PathGate::kConditionalSigmoid:
      return at::sigmoid(scores / temperature);
    case PathGate::kSoftmax:
    case PathGate::kHardTopK:
      return at::softmax(scores / temperature, 1);
    case PathGate::kReluTanh:
      return at::relu(at::tanh(scores));
    case PathGate::kUniform:
      break;
  }
  core::throw_internal_error("gates that cannot be searched");
}

std::vector<Tensor> PathRelaxation::gates() const {
  std::map<std::string, Tensor> contents;
  std::int64_t pictures = 1;
  for (auto& [name, content] : network_.content_scores()) {
    pictures = content.size(0);
    contents.emplace(name, content);
  }
  std::vector<Tensor> layers;
  std::vector<Tensor> columns;
  for (std::size_t l = 0; l < design_.paths.size(); ++l) {
    columns.assign(design_.paths[l].size(), Tensor());
    for (const Entry& entry : entries_) {
      if (entry.layer != l) continue;
      const auto width = std::ssize(entry.edges);
      Tensor scores = gammas_of(entry).expand({pictures, width});
      const auto content = contents.find(entry.attention());
      if (content != contents.end()) scores = scores + content->second;
      const Tensor gates = opened(scores);
      for (std::int64_t k = 0; k < width; ++k)
        columns[static_cast<std::size_t>(entry.edges[static_cast<std::size_t>(k)])] =
            gates.select(1, k);
    }
    layers.push_back(at::stack(columns, 1));
  }
  return layers;
}

differentiable::EdgeValues PathRelaxation::gammas() const {
  differentiable::EdgeValues values;
  for (const auto& [name, layer] : architecture_.tensors) {
    const Tensor numbers = layer.detach().to(at::kCPU, at::kDouble).contiguous();
    values.emplace_back(numbers.data_ptr<double>(), numbers.data_ptr<double>() + numbers.numel());
  }
  return values;
}

void PathRelaxation::set_temperature(double temperature) {
  if (design_.network.gate.temperature == temperature) return;
  design_.network.gate.temperature = temperature;
  network_.retune(graph_of(design_));
}

// Of the head's first convolution behind all scales of the last layer.
std::vector<std::int64_t> PathRelaxation::kept_columns(const space::GridLayer& last) const {
  const std::int64_t width = design_.network.head.scale_channels;
  const unsigned all = space::sink_set(design_.paths.back()), kept = space::sink_set(last);
  std::vector<std::int64_t> columns;
  std::int64_t first = 0;
  for (int scale = 0; scale < space::kGridScales; ++scale) {
    if ((all >> scale & 1U) == 0) continue;
    for (std::int64_t c = 0; c < width && (kept >> scale & 1U) != 0; ++c)
      columns.push_back(first + c);
    first += width;
  }
  return columns;
}

PathRelaxation PathRelaxation::narrowed(const std::vector<space::GridLayer>& paths) const {
  Design design = design_;
  design.paths = paths;
  design.presence = false;  // they are there
  PathRelaxation part(std::move(design), core::Rng(0), network_.options());
  weights::ArrayMap weights = network_.save();
  // The head reads the scales that are left.
  weights::Array& project = weights.arrays.at("head.project.conv.weight");
  project = network::to_array(network::to_tensor(project).index_select(
      1, at::tensor(kept_columns(paths.back()), at::kLong)));
  part.network_.load(weights, "the supernet");
  for (std::size_t l = 0; l < paths.size(); ++l) {
    const Tensor into = part.architecture_.tensors[l].second.detach();
    for (std::size_t e = 0; e < paths[l].size(); ++e) {
      const auto at = std::ranges::find(design_.paths[l], paths[l][e]);
      core::require(at != design_.paths[l].end(), "a path that the supernet does not have");
      into[static_cast<std::int64_t>(e)].copy_(
          architecture_.tensors[l].second.detach()[at - design_.paths[l].begin()]);
    }
  }
  return part;
}

}  // namespace parsimony::bilevel
