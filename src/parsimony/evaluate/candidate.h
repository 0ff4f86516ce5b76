// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "parsimony/evaluate/costs.h"
#include "parsimony/evaluate/evaluator.h"
#include "parsimony/evaluate/measured_costs.h"

// What all evaluators of networks do alike.
namespace parsimony::evaluate {

// What is known of a candidate, `whole` being its simplified network. It is rejected when the
// network's output does not depend on the picture, or the costs have an objection.
Prepared prepared_network(std::string genotype, const graph::Graph& whole, const Costs& costs);

// Adds what `measured` (which may be null) says of the network to the evaluation's costs and to
// `costs`. False when the candidate's outcome is known with that: a constraint is broken, a meter
// could not say, or asked to stop.
bool measure_costs(const MeasuredCosts* measured,
                   const graph::Graph& whole,
                   const core::StopFlag& stop,
                   Evaluation& evaluation,
                   objective::Scores& costs);

// What goes wrong inside one candidate is that candidate's outcome, whatever is thrown. Also makes
// LibTorch compute in the calling thread alone: candidates are what runs in parallel.
Evaluation evaluate_alone(const std::function<Evaluation()>& evaluate);

}  // namespace parsimony::evaluate
