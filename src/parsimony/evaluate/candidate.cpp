// SPDX-License-Identifier: Apache-2.0
#include "parsimony/evaluate/candidate.h"

#include "parsimony/graph/simplify.h"
#include "parsimony/network/tensor.h"
#include "parsimony/network/threads.h"

namespace parsimony::evaluate {

using study::Failed;
using study::FailureReason;
using study::Pruned;

Prepared prepared_network(std::string genotype, const graph::Graph& whole, const Costs& costs) {
  const Costs::Assessment assessment = costs.assess(whole);
  Prepared prepared{
      std::move(genotype), graph::canonical_id(whole), assessment.costs, std::nullopt, 0};
  if (graph::is_constant(whole)) {
    prepared.rejection = Pruned{"before training", "the output does not depend on the picture", {}};
  } else if (assessment.obstacle) {
    prepared.rejection = Pruned{"before training", *assessment.obstacle, {}};
    prepared.violation = assessment.violation;
  }
  return prepared;
}

bool measure_costs(const MeasuredCosts* measured,
                   const graph::Graph& whole,
                   const core::StopFlag& stop,
                   Evaluation& evaluation,
                   objective::Scores& costs) {
  if (measured == nullptr) return true;
  const MeasuredCosts::Result result = measured->measure(whole, stop);
  evaluation.costs = result.costs;
  costs.insert(result.costs.begin(), result.costs.end());
  if (result.stopped) {
    evaluation.outcome = Failed{FailureReason::kInterrupted, "asked to stop"};
  } else if (result.failure) {
    evaluation.outcome = Failed{FailureReason::kError, *result.failure};
  } else if (result.obstacle) {
    evaluation.outcome = Pruned{"before training", *result.obstacle, {}};
  }
  return !result.stopped && !result.failure && !result.obstacle;
}

Evaluation evaluate_alone(const std::function<Evaluation()>& evaluate) {
  network::set_threads(1);  // the setting belongs to the calling thread
  try {
    return evaluate();
  } catch (const std::bad_alloc&) {
    return {Failed{FailureReason::kOutOfMemory, "memory could not be allocated"}, {}};
  } catch (const c10::Error& error) {
    const std::string message = error.what_without_backtrace();
    const bool memory = message.find("can't allocate memory") != std::string::npos ||
                        message.find("out of memory") != std::string::npos;
    return {Failed{memory ? FailureReason::kOutOfMemory : FailureReason::kError, message}, {}};
  } catch (const std::exception& error) {
    return {Failed{FailureReason::kError, error.what()}, {}};
  }
}

}  // namespace parsimony::evaluate
