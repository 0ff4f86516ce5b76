// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "parsimony/graph/decoder_sketch.h"
#include "parsimony/graph/drawing.h"
#include "parsimony/graph/drawing_canvas.h"

namespace parsimony::graph {
namespace {

using space::Template;
using space::TemplateBlock;
using space::TemplateGenotype;
using space::TemplateOp;

struct OpLook {
  std::string_view title, detail, style;
};

OpLook look_of(TemplateOp op) {
  switch (op) {
    case TemplateOp::kSepConv3x3:
      return {"sep 3×3", "", "sep"};
    case TemplateOp::kSepConv5x5:
      return {"sep 5×5", "", "sep"};
    case TemplateOp::kGlobalPool:
      return {"global pool", "", "pool"};
    case TemplateOp::kMaxPool3x3:
      return {"max pool 3×3", "after conv 1×1", "pool"};
    case TemplateOp::kSepConv5x5Dil6:
      return {"sep 5×5", "dilation 6", "sep"};
    case TemplateOp::kSkip:
      return {"skip", "", "skip"};
  }
  return {"?", "", "plain"};
}

void add_template(Diagram& diagram, const Template& design, std::size_t t, bool used) {
  const auto name = [](TemplateOp op) {
    return space::kTemplateOpNames[static_cast<std::size_t>(op)];
  };
  const bool sum = design.aggregation == space::Aggregation::kScaledSum;
  const std::size_t join = diagram.boxes.size();
  diagram.add({.layout = {2, 150, 40},
               .style = "plain",
               .title = sum ? "a · u + b · v" : "concatenate",
               .detail = sum ? "a, b per channel" : "BN · ReLU · conv 1×1",
               .tooltip = fmt::format(
                   "template {}: {} of {} and {}{}",
                   t,
                   space::kAggregationNames[static_cast<std::size_t>(design.aggregation)],
                   name(design.op1),
                   name(design.op2),
                   used ? "" : "; no block uses it"),
               .faded = !used});
  const auto path = [&](const char* which, TemplateOp op) {
    const std::size_t input =
        diagram.add({.layout = {0, 60, 24},
                     .style = "plain",
                     .title = which,
                     .tooltip = fmt::format("the {} input of template {}", which, t),
                     .faded = !used});
    const OpLook look = look_of(op);
    const std::size_t box =
        diagram.add({.layout = {1, 104, 40},
                     .style = look.style,
                     .title = std::string(look.title),
                     .detail = std::string(look.detail),
                     .tooltip = fmt::format("{} of the {} input", name(op), which),
                     .faded = !used});
    diagram.connect(input, box, fmt::format("{} input", which), !used);
    diagram.connect(box, join, fmt::format("from the {} input", which), !used);
  };
  path("first", design.op1);
  path("second", design.op2);
  const std::size_t out = diagram.add({.layout = {3, 104, 30},
                                       .style = "plain",
                                       .title = fmt::format("template {}", t),
                                       .tooltip = fmt::format("the output of template {}", t),
                                       .faded = !used});
  diagram.connect(join, out, "output", !used);
}

}  // namespace

std::string draw_templates(const TemplateGenotype& genotype) {
  Diagram diagram;
  diagram.label = fmt::format("{} template{} of two operations",
                              genotype.templates.size(),
                              genotype.templates.size() == 1 ? "" : "s");
  for (std::size_t t = 0; t < genotype.templates.size(); ++t) {
    const bool used = std::any_of(
        genotype.blocks.begin(), genotype.blocks.end(), [t](const TemplateBlock& block) {
          return block.design == static_cast<int>(t);
        });
    add_template(diagram, genotype.templates[t], t, used);
  }
  return to_svg(diagram);
}

std::string draw_decoder(const TemplateGenotype& genotype,
                         const std::array<std::int64_t, space::kEncoderTaps>& strides) {
  DecoderSketch sketch;
  for (std::size_t tap = 0; tap < space::kTemplateTaps; ++tap)
    sketch.taps.push_back({strides[tap], ""});
  for (const TemplateBlock& block : genotype.blocks) {
    const std::string times = block.repeats > 1 ? fmt::format(" × {}", block.repeats) : "";
    sketch.blocks.push_back(
        {.inputs = {static_cast<std::size_t>(block.first), static_cast<std::size_t>(block.second)},
         .detail = fmt::format("template {}{}", block.design, times),
         .left_note = block.halves ? "↓2" : "",
         .tooltip = fmt::format("template {} of inputs {} and {}, repeated {} time{}{}",
                                block.design,
                                block.first,
                                block.second,
                                block.repeats,
                                block.repeats == 1 ? "" : "s",
                                block.halves ? ", each operation at stride 2" : "")});
  }
  sketch.collected = genotype.collected_blocks();
  sketch.resolution = "the largest block's size";
  return to_svg(diagram_of(sketch));
}

}  // namespace parsimony::graph
