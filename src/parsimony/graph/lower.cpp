// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/lower.h"

#include "parsimony/graph/cell_decoder.h"
#include "parsimony/graph/grid_network.h"
#include "parsimony/graph/simplify.h"
#include "parsimony/graph/template_decoder.h"

namespace parsimony::graph {

void NetworkDescription::visit(core::FieldVisitor& v) {
  decoder.visit(v);
  v.field("classes", classes, {"number of classes", 1, 255});
  v.group("encoder", encoder, "the encoder");
  v.group("supernet", supernet, "the supernet, for parts of one");
  v.group("grid", grid, "the network of a grid genotype");
}

LoweredNetwork lower(const space::Genotype& genotype, const NetworkDescription& description) {
  if (const auto* part = std::get_if<space::Subnetwork>(&genotype)) {
    const Supernet supernet = deeplab_supernet(description.supernet, description.classes);
    return {subsample(supernet, choices_of(*part, supernet)), {}};
  }
  if (const auto* grid = std::get_if<space::GridGenotype>(&genotype))
    return {grid_network(*grid, description.grid, description.classes), {}};
  const auto decoder_of = [&](const auto& decoder) {
    return lower(decoder, description.encoder, description.decoder, description.classes);
  };
  if (const auto* templates = std::get_if<space::TemplateGenotype>(&genotype))
    return decoder_of(*templates);
  return decoder_of(std::get<space::CellGenotype>(genotype));
}

Graph simplified_network(const space::Genotype& genotype, const NetworkDescription& description) {
  return simplify(lower(genotype, description).graph);
}

Choices choices_of(const space::Subnetwork& subnetwork, const Supernet& supernet) {
  return subnetwork.choices.empty() ? Choices(supernet.sites.size(), 0) : subnetwork.choices;
}

}  // namespace parsimony::graph
