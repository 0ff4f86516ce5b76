// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "parsimony/core/fields.h"

namespace parsimony::search {

// Which decisions of a child differ from its first parent: any, each exchanged and mutated with a
// probability of its own; or only those behind a random cut, all of which are exchanged in a
// crossover and which mutate so much more often that every decision does at the same rate over all
// children. In a space whose decisions follow the network from the picture on, children of the
// latter kind begin as their parents do, so that parts of a supernet compute that once
// (evaluate/staged_networks.h).
enum class Exchange { kUniform, kOnePoint };
inline constexpr std::array<std::string_view, 2> kExchangeNames = {"uniform", "one_point"};

// Population, crossover, mutation and duplicate handling as in the NSGA-II study over sub-networks
// that Parsimony completes from Xiong et al. (FMAS, 2023), which does not state its own.
struct Nsga2Options {
  int population = 40;     // members, and children of a generation; even
  double crossover = 0.9;  // probability that two parents exchange decisions
  Exchange exchange = Exchange::kUniform;
  double swap = 0.5;    // probability of each decision to be exchanged by a uniform crossover
  double mutation = 0;  // probability of each decision to change; 0: one over their number
  double step = 0.5;    // probability that an ordered decision changes to a neighbour
  int retries = 20;     // mutations of a child that was proposed before
  void visit(core::FieldVisitor& v);
};

}  // namespace parsimony::search
