// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "parsimony/study/trial.h"

// How much cheaper than a reference network others are, and what that costs in quality: the figures
// in which FMAS states its results (Xiong et al., arXiv 2303.16322, abstract).
namespace parsimony::study {

// At most so large a share of the reference's cost.
struct CostShare {
  std::string cost;  // "macs"
  double share = 1;
};

struct CompressionTarget {
  std::string title;  // "10 % fewer MACs and 20 % fewer parameters"
  std::vector<CostShare> shares;
  // The published loss of mIoU in percent; whether in points or relative is not said. The claim was
  // "less than" where `published_bound`.
  double published_loss = 0;
  bool published_bound = false;
};
const std::vector<CompressionTarget>& published_targets();

// Whether every cost of the target is known of both and small enough.
bool meets(const CompressionTarget& target,
           const objective::Scores& costs,
           const objective::Scores& reference);

// What a network lost against a better one, in percentage points and relative to what the other
// had, in percent.
struct QualityLoss {
  double points = 0, relative = 0;
};
QualityLoss quality_loss(double reference, double quality);

// The scored trial that meets the target with the best mIoU; nullptr where none does.
const Trial* best_within(const std::vector<Trial>& trials,
                         const CompressionTarget& target,
                         const objective::Scores& reference);

// The trial of a whole supernet, which its parts are compared with; nullptr where there is none.
const Trial* whole_supernet(const std::vector<Trial>& trials);

}  // namespace parsimony::study
