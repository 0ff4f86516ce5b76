// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/core/fields.h"

namespace parsimony::search {

// Population, crossover, mutation and duplicate handling as in the NSGA-II study over sub-networks
// that Parsimony completes from Xiong et al. (FMAS, 2023), which does not state its own.
struct Nsga2Options {
  int population = 40;     // members, and children of a generation; even
  double crossover = 0.9;  // probability that two parents exchange decisions
  double swap = 0.5;       // probability of each decision to be exchanged, if they do
  double mutation = 0;     // probability of each decision to change; 0: one over their number
  double step = 0.5;       // probability that an ordered decision changes to a neighbour
  int retries = 20;        // mutations of a child that was proposed before

  // Ours, for candidates that share the work of what they have in common from the picture on
  // (evaluate/staged_networks.h): of so many children in a row all but the first differ from it
  // only in decisions that have this share of the work, at least, before them. 1: published
  // NSGA-II.
  int siblings = 1;
  double shared_work = 0.5;
  void visit(core::FieldVisitor& v);
};

}  // namespace parsimony::search
