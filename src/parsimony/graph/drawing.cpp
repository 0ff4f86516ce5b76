// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/drawing.h"

#include <fmt/format.h>

#include <algorithm>

#include "parsimony/graph/decoder_sketch.h"
#include "parsimony/graph/drawing_canvas.h"
#include "parsimony/graph/lower.h"

namespace parsimony::graph {
namespace {

using space::CellGenotype;
using space::CellOp;

struct OpLook {
  std::string_view title, detail, style;
};

OpLook look_of(CellOp op) {
  switch (op) {
    case CellOp::kConv1x1:
      return {"conv 1×1", "", "conv"};
    case CellOp::kConv3x3:
      return {"conv 3×3", "", "conv"};
    case CellOp::kSepConv3x3:
      return {"sep 3×3", "", "sep"};
    case CellOp::kSepConv5x5:
      return {"sep 5×5", "", "sep"};
    case CellOp::kGlobalPool:
      return {"global pool", "", "pool"};
    case CellOp::kConv3x3Dil3:
      return {"conv 3×3", "dilation 3", "conv"};
    case CellOp::kConv3x3Dil12:
      return {"conv 3×3", "dilation 12", "conv"};
    case CellOp::kSepConv3x3Dil3:
      return {"sep 3×3", "dilation 3", "sep"};
    case CellOp::kSepConv5x5Dil6:
      return {"sep 5×5", "dilation 6", "sep"};
    case CellOp::kSkip:
      return {"skip", "", "skip"};
    case CellOp::kNone:
      return {"none", "", "none"};
  }
  return {"?", "", "plain"};
}

// What a feature of the cell is computed from; a sum has two sources, an operation one.
struct Feature {
  std::vector<std::size_t> sources;
  CellOp op = CellOp::kSkip;
};

std::vector<Feature> list_features(const CellGenotype& genotype) {
  std::vector<Feature> features = {{}, {{0}, genotype.first_op}};
  for (const space::CellLayer& layer : genotype.layers) {
    features.push_back({{static_cast<std::size_t>(layer.position1)}, layer.op1});
    features.push_back({{static_cast<std::size_t>(layer.position2)}, layer.op2});
    features.push_back({{features.size() - 2, features.size() - 1}, CellOp::kSkip});
  }
  return features;
}

std::string_view constant_note(bool constant) {
  return constant ? "constant: every path leads through none" : "";
}

constexpr double kOpWidth = 104, kOpHeight = 40, kSumSize = 24;

std::array<std::int64_t, space::kEncoderTaps> tap_strides(const EncoderOptions& encoder) {
  std::array<std::int64_t, space::kEncoderTaps> strides = {};
  std::ranges::transform(
      begin_network(encoder, strides.size()).taps, strides.begin(), &Tap::stride);
  return strides;
}

}  // namespace

std::vector<bool> features_that_matter(const CellGenotype& genotype) {
  const std::vector<Feature> features = list_features(genotype);
  // Zero spreads downwards: operations have no bias, so they keep it.
  std::vector<bool> zero(features.size(), false);
  for (std::size_t f = 1; f < features.size(); ++f) {
    const auto& sources = features[f].sources;
    zero[f] =
        features[f].op == CellOp::kNone ||
        std::all_of(sources.begin(), sources.end(), [&zero](std::size_t s) { return zero[s]; });
  }
  // Interest spreads upwards from the output, through what is not zero.
  std::vector<bool> matters(features.size(), false);
  for (const int f : genotype.cell_outputs()) matters[static_cast<std::size_t>(f)] = true;
  for (std::size_t f = features.size(); f-- > 0;) {
    matters[f] = matters[f] && !zero[f];
    if (!matters[f]) continue;
    for (const std::size_t source : features[f].sources) matters[source] = true;
  }
  return matters;
}

std::string draw_cell(const CellGenotype& genotype) {
  const std::vector<Feature> features = list_features(genotype);
  const std::vector<bool> matters = features_that_matter(genotype);
  const std::vector<int> outputs = genotype.cell_outputs();
  const bool constant = !matters[0];

  Diagram diagram;
  diagram.label = fmt::format("Cell with {} operations; its output is the sum of {} feature map{}",
                              1 + 2 * genotype.layers.size(),
                              outputs.size(),
                              outputs.size() == 1 ? "" : "s");
  diagram.caption = constant_note(constant);
  diagram.add({.layout = {0, kOpWidth, 30},
               .style = "plain",
               .title = "cell input",
               .tooltip = "feature 0: the input of the cell",
               .faded = constant});
  for (std::size_t f = 1; f < features.size(); ++f) {
    const Feature& feature = features[f];
    // Every layer has two ranks of its own, so that cells are easy to compare side by side.
    const int rank = f == 1 ? 1 : 2 * (static_cast<int>(f - 2) / 3) + 2;
    if (feature.sources.size() == 2) {
      diagram.add({.layout = {rank + 1, kSumSize, kSumSize},
                   .style = "sum",
                   .tooltip = fmt::format("feature {} = feature {} + feature {}", f, f - 2, f - 1),
                   .faded = !matters[f]});
    } else {
      const OpLook look = look_of(feature.op);
      const auto name = space::kCellOpNames[static_cast<std::size_t>(feature.op)];
      diagram.add(
          {.layout = {rank, kOpWidth, kOpHeight},
           .style = look.style,
           .title = std::string(look.title),
           .detail = std::string(look.detail),
           .tooltip = fmt::format("feature {} = {} of feature {}", f, name, feature.sources[0]),
           .faded = !matters[f]});
    }
    for (const std::size_t source : feature.sources) {
      diagram.connect(source,
                      f,
                      fmt::format("feature {} to feature {}", source, f),
                      !matters[f] || !matters[source]);
    }
  }
  const std::size_t out =
      diagram.add({.layout = {2 * static_cast<int>(genotype.layers.size()) + 2, 132, 30},
                   .style = "plain",
                   .title = outputs.size() > 1 ? "sum = cell output" : "cell output",
                   .tooltip = "the sum of what no layer of the cell reads",
                   .faded = constant});
  for (const int f : outputs) {
    const auto feature = static_cast<std::size_t>(f);
    diagram.connect(
        feature, out, fmt::format("feature {} is part of the output", f), !matters[feature]);
  }
  return to_svg(diagram);
}

std::string draw_decoder(const CellGenotype& genotype,
                         const std::array<std::int64_t, space::kEncoderTaps>& strides) {
  DecoderSketch sketch;
  sketch.constant = !features_that_matter(genotype)[0];
  sketch.caption = constant_note(sketch.constant);
  std::vector<std::int64_t> stride_of(strides.begin(), strides.end());
  for (const std::int64_t stride : strides) {
    sketch.taps.push_back({stride, ", brought to the decoder's width by a 1×1 convolution"});
  }
  for (const space::BlockInputs& block : genotype.blocks) {
    const std::array<std::size_t, 2> inputs = {static_cast<std::size_t>(block.first),
                                               static_cast<std::size_t>(block.second)};
    const std::int64_t stride = std::min(stride_of[inputs[0]], stride_of[inputs[1]]);
    stride_of.push_back(stride);
    std::string resized;
    for (const std::size_t input : inputs) {
      if (stride_of[input] > stride) resized = fmt::format("↑{}", stride_of[input] / stride);
    }
    sketch.blocks.push_back(
        {.inputs = inputs,
         .detail = "cell + cell",
         .left_note = resized,
         .right_note = fmt::format("/{}", stride),
         .tooltip =
             fmt::format("cell(input {}) + cell(input {}), own weights each, at stride {}{}",
                         inputs[0],
                         inputs[1],
                         stride,
                         resized.empty() ? "" : "; the smaller map is enlarged, " + resized)});
  }
  sketch.collected = genotype.collected_blocks();
  std::int64_t finest = 0;
  for (const int b : sketch.collected) {
    const std::int64_t stride = stride_of[static_cast<std::size_t>(space::kEncoderTaps + b)];
    finest = finest == 0 ? stride : std::min(finest, stride);
  }
  sketch.resolution = fmt::format("stride {}", finest);
  return to_svg(diagram_of(sketch));
}

std::vector<Drawing> draw(const space::Genotype& genotype, const NetworkDescription& description) {
  if (const auto* part = std::get_if<space::Subnetwork>(&genotype)) {
    const Supernet supernet = deeplab_supernet(description.supernet, description.classes);
    return {{"network", "Network", draw_subsample(supernet, choices_of(*part, supernet))}};
  }
  if (const auto* grid = std::get_if<space::GridGenotype>(&genotype)) {
    return {{"cell", "Cell", draw_grid_cell(grid->cell)},
            {"paths", "Paths", draw_paths(*grid, description.grid)}};
  }
  const auto strides = tap_strides(description.encoder);
  if (const auto* templates = std::get_if<space::TemplateGenotype>(&genotype)) {
    return {{"templates", "Templates", draw_templates(*templates)},
            {"decoder", "Decoder", draw_decoder(*templates, strides)}};
  }
  const auto& cell = std::get<CellGenotype>(genotype);
  return {{"cell", "Cell", draw_cell(cell)}, {"decoder", "Decoder", draw_decoder(cell, strides)}};
}

}  // namespace parsimony::graph
