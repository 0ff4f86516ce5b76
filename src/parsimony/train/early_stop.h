// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <map>
#include <string_view>
#include <utility>

#include "parsimony/core/fields.h"

namespace parsimony::train {

// When a candidate's training ends early. Both compare a validation reward with those of earlier
// candidates at the same point of their training.
enum class EarlyStopRule {
  kRatio,  // the reference code: the further below the running mean, the likelier the end
  kPaper,  // as the paper words it: below the running mean, continue with probability p = 0.9,
           // annealed
  kOff,
};
inline constexpr std::array<std::string_view, 3> kEarlyStopNames = {"ratio", "paper", "off"};

struct EarlyStopOptions {
  EarlyStopRule rule = EarlyStopRule::kRatio;
  double mean_decay = 0.99;  // of the running mean, which starts at 0.01
  double start = 0.9;        // initial delta (ratio) or p (paper)
  void visit(core::FieldVisitor& v);
};

// The rule's memory for one (stage, validation) point; spec rl-cell-search 6.3. With m the running
// mean and rho = reward / m < 1, the ratio rule continues with probability max(0, 1 - (1 - rho) /
// delta); delta is lowered by 0.9, 0.8, 0.7, 0.6 when its counter stands at 100, 200, 300, 400. The
// counter advances by one per candidate and by one more for each that beats the mean, so a
// milestone can be jumped over, as in the reference code. The paper rule anneals p at the same
// milestones (our choice: the paper does not say how) with a plain counter.
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

// The rule at every (stage, validation) point of a study.
class EarlyStop {
 public:
  explicit EarlyStop(const EarlyStopOptions& options) : options_(options) {}
  bool decide(int stage, int validation, double reward, double draw);

 private:
  EarlyStopOptions options_;
  std::map<std::pair<int, int>, EarlyStopPoint> points_;
};

}  // namespace parsimony::train
