// SPDX-License-Identifier: Apache-2.0
#include "parsimony/study/compression.h"

#include <algorithm>

namespace parsimony::study {

const std::vector<CompressionTarget>& published_targets() {
  static const std::vector<CompressionTarget> targets = {
      {"10 % fewer MACs and 20 % fewer parameters", {{"macs", 0.9}, {"params", 0.8}}, 3, true},
      {"2.2 times faster on GAP8", {{"latency_ms.gap8", 1 / 2.2}}, 7.61, false}};
  return targets;
}

bool meets(const CompressionTarget& target,
           const objective::Scores& costs,
           const objective::Scores& reference) {
  return std::ranges::all_of(target.shares, [&](const CostShare& wanted) {
    const auto cost = costs.find(wanted.cost);
    const auto whole = reference.find(wanted.cost);
    return cost != costs.end() && whole != reference.end() &&
           cost->second <= wanted.share * whole->second;
  });
}

QualityLoss quality_loss(double reference, double quality) {
  const double points = 100 * (reference - quality);
  return {points, reference > 0 ? points / reference : 0};
}

const Trial* best_within(const std::vector<Trial>& trials,
                         const CompressionTarget& target,
                         const objective::Scores& reference) {
  const Trial* best = nullptr;
  double best_quality = 0;
  for (const Trial& trial : trials) {
    if (!trial.outcome || !std::holds_alternative<Scored>(*trial.outcome)) continue;
    const auto quality = value_of(trial, "miou");
    if (!quality || !meets(target, trial.costs, reference)) continue;
    if (best != nullptr && *quality <= best_quality) continue;
    best = &trial;
    best_quality = *quality;
  }
  return best;
}

const Trial* whole_supernet(const std::vector<Trial>& trials) {
  const auto whole = std::ranges::find_if(trials, [](const Trial& trial) {
    return !trial.genotype.empty() &&
           trial.genotype.find_first_not_of("[]0, ") == std::string::npos &&
           !trial.genotype.starts_with("[[");
  });
  return whole == trials.end() ? nullptr : &*whole;
}

}  // namespace parsimony::study
