// SPDX-License-Identifier: Apache-2.0
#include "parsimony/train/early_stop.h"

namespace parsimony::train {
namespace {

struct Milestone {
  int count;
  double factor;
};
constexpr Milestone kMilestones[] = {{100, 0.9}, {200, 0.8}, {300, 0.7}, {400, 0.6}};

}  // namespace

void EarlyStopOptions::visit(core::FieldVisitor& v) {
  v.choice("rule", rule, kEarlyStopNames, {"ratio (reference code), paper, or off"});
  v.field("mean_decay", mean_decay, {"decay of the running mean of rewards", 0, 1});
  v.field("start", start, {"initial delta of the ratio rule, initial p of the paper's", 0, 1});
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

bool EarlyStop::decide(int stage, int validation, double reward, double draw) {
  const auto [point, is_new] = points_.try_emplace({stage, validation}, options_);
  return point->second.decide(reward, draw);
}

}  // namespace parsimony::train
