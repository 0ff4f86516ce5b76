// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "parsimony/core/fields.h"
#include "parsimony/objective/objective.h"

namespace parsimony::train {

// When a candidate's training ends early: by its validation reward beside those of earlier
// candidates at the same point of their training.
enum class EarlyStopRule {
  kRatio,    // the reference code: the further below the running mean, the likelier the end
  kPaper,    // as the paper words it: below the running mean, continue with probability p = 0.9,
             // annealed
  kHalving,  // successive halving over the validations, on reward and cost together
  kOff,
};
inline constexpr std::array<std::string_view, 4> kEarlyStopNames = {
    "ratio", "paper", "halving", "off"};

// The cost that halving weighs against the reward; both are known before training.
enum class StopCost { kNone, kParams, kMacs };
inline constexpr std::array<std::string_view, 3> kStopCostNames = {"none", "params", "macs"};

struct EarlyStopOptions {
  EarlyStopRule rule = EarlyStopRule::kRatio;
  double mean_decay = 0.99;           // of the running mean, which starts at 0.01
  double start = 0.9;                 // initial delta (ratio) or p (paper)
  double reduction = 3;               // halving: one in so many goes on
  StopCost cost = StopCost::kParams;  // halving
  void visit(core::FieldVisitor& v);
};

// The memory of the ratio and paper rules for one (stage, validation) point; spec
// rl-cell-search 6.3. With m the running mean and rho = reward / m < 1, the ratio rule continues
// with probability max(0, 1 - (1 - rho) / delta); delta is lowered by 0.9, 0.8, 0.7, 0.6 when its
// counter stands at 100, 200, 300, 400. The counter advances by one per candidate and by one more
// for each that beats the mean, so a milestone can be jumped over, as in the reference code. The
// paper rule anneals p at the same milestones (our choice: the paper does not say how) with a plain
// counter.
class EarlyStopPoint {
 public:
  explicit EarlyStopPoint(const EarlyStopOptions& options)
      : options_(options), level_(options.start) {}
  // Takes a reward in and says whether to continue; `draw` is uniform in [0, 1).
  bool decide(double reward, double draw);
  double running_mean() const { return mean_; }
  double level() const { return level_; }

 private:
  EarlyStopOptions options_;
  double mean_ = 0.01;
  double level_;
  int counter_ = 0;
};

// Asynchronous successive halving (Li et al., MLSys 2020) in its stopping form: whoever reaches a
// rung is compared with those that were there before, and nobody waits. It goes on if fewer than
// one in `reduction` of them are ahead, where being ahead is being dominated, in reward and cost,
// by fewer (Fonseca & Fleming, ICGA 1993): a candidate that nobody dominates always goes on.
class HalvingRung {
 public:
  explicit HalvingRung(double reduction) : reduction_(reduction) {}
  // Takes a candidate in and says whether it goes on; cost 0 where costs do not count.
  bool decide(double reward, double cost);

 private:
  double reduction_;
  std::vector<objective::Point> seen_;  // (-reward, cost)
};

// Whether validation number `index`, from 0, is a rung: after 1, r, r^2, ... validations, r the
// reduction.
bool is_rung(int index, double reduction);

// What is known of a candidate at a validation.
struct Standing {
  int stage = 0;
  int validation = 0;  // index within the stage
  double reward = 0;
  double draw = 0;  // uniform in [0, 1), for the rules that gamble
};

// The rule at every (stage, validation) point of a study.
class EarlyStop {
 public:
  explicit EarlyStop(const EarlyStopOptions& options) : options_(options) {}
  // `costs` has "params" and "macs". Says whether the candidate goes on.
  bool decide(const Standing& standing, const objective::Scores& costs);

 private:
  EarlyStopOptions options_;
  std::map<std::pair<int, int>, HalvingRung> rungs_;
  std::map<std::pair<int, int>, EarlyStopPoint> points_;
};

}  // namespace parsimony::train
