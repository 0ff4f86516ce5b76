// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parsimony/core/error.h"
#include "parsimony/space/space.h"

namespace parsimony::search {

// Stand-ins for the tests of searches: a space of any shape and an evaluator with a known optimum.

// Decisions of the given (head, choices); its text form is the tokens, separated by blanks.
class ToySpace : public space::SearchSpace {
 public:
  ToySpace(int warm_up_steps, const std::vector<std::pair<std::string, int>>& heads)
      : warm_up_steps_(warm_up_steps) {
    for (const auto& [head, choices] : heads) {
      decisions_.push_back({fmt::format("decision.{}", decisions_.size()), head, choices});
    }
  }
  std::string_view name() const override { return "toy"; }
  const std::vector<space::Decision>& decisions() const override { return decisions_; }
  int warm_up_steps() const override { return warm_up_steps_; }
  std::string text(const space::Tokens& tokens) const override {
    return fmt::format("{}", fmt::join(tokens, " "));
  }
  space::Tokens parse(std::string_view text) const override {
    core::throw_user_error("toy genotypes such as '{}' cannot be read", text);
  }

 protected:
  std::vector<space::Decision> decisions_;

 private:
  int warm_up_steps_;
};

// Rewards a candidate with the weighted share of its tokens that agree with a hidden genotype.
class PlantedOptimum {
 public:
  PlantedOptimum(const space::SearchSpace& space, core::Rng rng) : noise_(rng.split("noise")) {
    core::Rng draw = rng.split("optimum");
    optimum_ = space::sample(space, draw);
    for (std::size_t i = 0; i < optimum_.size(); ++i)
      total_ += weights_.emplace_back(draw.uniform(0.5, 1.5));
  }
  double reward(const space::Tokens& tokens) const {
    double sum = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i)
      sum += tokens[i] == optimum_[i] ? weights_[i] : 0;
    return sum / total_;
  }
  // As a short training would measure it: the same each time for one trial.
  double noisy_reward(std::int64_t trial, const space::Tokens& tokens) const {
    return reward(tokens) + 0.05 * noise_.split(static_cast<std::uint64_t>(trial)).normal();
  }

 private:
  core::Rng noise_;
  space::Tokens optimum_;
  std::vector<double> weights_;
  double total_ = 0;
};

}  // namespace parsimony::search
