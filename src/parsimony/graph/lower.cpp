// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/lower.h"

#include "parsimony/graph/cell_decoder.h"
#include "parsimony/graph/simplify.h"
#include "parsimony/graph/template_decoder.h"

namespace parsimony::graph {

void NetworkDescription::visit(core::FieldVisitor& v) {
  decoder.visit(v);
  v.field("classes", classes, {"number of classes", 1, 255});
  v.group("encoder", encoder, "the encoder");
  v.group("supernet", supernet, "the supernet, for parts of one");
}

LoweredNetwork lower(const space::Genotype& genotype, const NetworkDescription& description) {
  if (const auto* part = std::get_if<space::Subnetwork>(&genotype)) {
    const Supernet supernet = deeplab_supernet(description.supernet, description.classes);
    return {subsample(supernet, choices_of(*part, supernet)), {}};
  }
  const auto& [encoder, decoder, classes, supernet] = description;
  if (const auto* templates = std::get_if<space::TemplateGenotype>(&genotype))
    return lower(*templates, encoder, decoder, classes);
  return lower(std::get<space::CellGenotype>(genotype), encoder, decoder, classes);
}

Graph simplified_network(const space::Genotype& genotype, const NetworkDescription& description) {
  return simplify(lower(genotype, description).graph);
}

Choices choices_of(const space::Subnetwork& subnetwork, const Supernet& supernet) {
  return subnetwork.choices.empty() ? Choices(supernet.sites.size(), 0) : subnetwork.choices;
}

}  // namespace parsimony::graph
