// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/space/space.h"
#include "parsimony/study/trial.h"

namespace parsimony::evaluate {

// What is known of a candidate before any training.
struct Prepared {
  std::string genotype;
  std::string canonical_id;
  objective::Scores costs;  // "params", "macs", ... of the network as it would be exported
  std::optional<study::Pruned> rejection;  // invalid, or over a hard limit
  double violation = 0;                    // of hard limits, Costs::Assessment
};

struct Evaluation {
  study::Outcome outcome;
  std::vector<study::Observation> observations;
  objective::Scores costs = {};  // measured ones, beside those known before
};

// Turns genotypes into outcomes. Knows nothing of searches. All members may be called from several
// threads at once; `evaluate` uses one thread of its caller and returns early, with the outcome
// "interrupted", once `stop` is set. Failures are outcomes; only errors that concern the whole
// study (a data set that became unreadable) are thrown.
class Evaluator {
 public:
  virtual ~Evaluator() = default;
  virtual Prepared prepare(const space::Tokens& tokens) const = 0;
  virtual Evaluation evaluate(study::TrialId trial,
                              const space::Tokens& tokens,
                              const core::StopFlag& stop) = 0;
  // Tells the evaluator of a trial that was done before a study was continued; in the order in
  // which they were done.
  virtual void replay(const study::Trial& trial) = 0;
  // What candidates did not compute because others had, in a sentence; empty where they share
  // nothing.
  virtual std::string sharing() const { return {}; }
};

}  // namespace parsimony::evaluate
