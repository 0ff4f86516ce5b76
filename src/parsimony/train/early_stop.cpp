// SPDX-License-Identifier: Apache-2.0
#include "parsimony/train/early_stop.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace parsimony::train {
namespace {

struct Milestone {
  int count;
  double factor;
};
constexpr Milestone kMilestones[] = {{100, 0.9}, {200, 0.8}, {300, 0.7}, {400, 0.6}};

}  // namespace

void EarlyStopOptions::visit(core::FieldVisitor& v) {
  v.choice("rule", rule, kEarlyStopNames, {"ratio (reference code), paper, halving, or off"});
  v.field("mean_decay", mean_decay, {"decay of the running mean of rewards", 0, 1});
  v.field("start", start, {"initial delta of the ratio rule, initial p of the paper's", 0, 1});
  v.field("reduction", reduction, {"halving: one candidate in so many passes a rung", 1.1, 100});
  v.choice("cost", cost, kStopCostNames, {"halving: the cost weighed against the reward"});
}

bool EarlyStopPoint::decide(double reward, double draw) {
  if (options_.rule == EarlyStopRule::kOff) return true;
  for (const Milestone& milestone : kMilestones) {
    if (counter_ == milestone.count) level_ *= milestone.factor;
  }
  ++counter_;
  mean_ = options_.mean_decay * mean_ + (1 - options_.mean_decay) * reward;
  if (reward > mean_) {
    if (options_.rule == EarlyStopRule::kRatio) ++counter_;
    return true;
  }
  if (options_.rule == EarlyStopRule::kPaper) return draw < level_;
  return reward > mean_ * (1 - draw * level_);
}

bool HalvingRung::decide(double reward, double cost) {
  seen_.push_back({-reward, cost});
  std::vector<int> dominated_by(seen_.size(), 0);
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    for (const objective::Point& other : seen_)
      dominated_by[i] += objective::dominates(other, seen_[i]) ? 1 : 0;
  }
  const auto ahead = std::count_if(dominated_by.begin(), dominated_by.end(), [&](int count) {
    return count < dominated_by.back();
  });
  return static_cast<double>(ahead) * reduction_ < static_cast<double>(seen_.size());
}

bool is_rung(int index, double reduction) {
  double rung = 1;
  while (std::lround(rung) < index + 1) rung *= reduction;
  return std::lround(rung) == index + 1;
}

bool EarlyStop::decide(const Standing& standing, const objective::Scores& costs) {
  const std::pair place(standing.stage, standing.validation);
  if (options_.rule != EarlyStopRule::kHalving) {
    return points_.try_emplace(place, options_)
        .first->second.decide(standing.reward, standing.draw);
  }
  if (!is_rung(standing.validation, options_.reduction)) return true;
  const double cost =
      options_.cost == StopCost::kNone
          ? 0
          : costs.at(std::string(kStopCostNames[static_cast<std::size_t>(options_.cost)]));
  return rungs_.try_emplace(place, options_.reduction).first->second.decide(standing.reward, cost);
}

}  // namespace parsimony::train
