// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>

#include "parsimony/evaluate/evaluator.h"

namespace parsimony::evaluate {

// Stands in for training: the reward is how many tokens agree with a hidden genotype, plus noise
// that depends on the trial only. Runs in microseconds, so that loops and searches are tested in
// full.
class FakeEvaluator final : public Evaluator {
 public:
  struct Options {
    double noise = 0.02;  // standard deviation
    int fail_every = 0;   // every n-th trial fails; 0: none
    std::chrono::microseconds delay{0};
    double measured = 0;      // given as the cost "latency_ms.fake"; 0: none
    double delay_spread = 1;  // delays lie between `delay` and so many times it, by trial
  };
  FakeEvaluator(const space::SearchSpace& space,
                space::Tokens optimum,
                core::Rng rng,
                Options options)
      : space_(space), optimum_(std::move(optimum)), rng_(rng), options_(options) {}

  Prepared prepare(const space::Tokens& tokens) const override;
  Evaluation evaluate(study::TrialId trial,
                      const space::Tokens& tokens,
                      const core::StopFlag& stop) override;
  void replay(const study::Trial&) override {}

 private:
  const space::SearchSpace& space_;
  space::Tokens optimum_;
  core::Rng rng_;
  Options options_;
};

}  // namespace parsimony::evaluate
