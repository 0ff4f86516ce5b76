// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "parsimony/core/error.h"
#include "parsimony/search/evolution/selection.h"

namespace parsimony::search {

template <typename Genes>
struct Individual {
  Genes genes;
  Fitness fitness;
};

// The generations of NSGA-II over genes of any kind, for candidates that are evaluated
// concurrently. A variation says what genes do, each time with a random stream of its own:
//
//   Genes founder(std::int64_t index, core::Rng&)                         of the first population
//   std::pair<Genes, Genes> mate(const Genes&, const Genes&, core::Rng&)  crossover and mutation
//
//   Generations<Genes> generations(100, rng);
//   Genes genes = generations.propose(variation);
//   generations.start(trial, genes);
//   generations.finish(trial, {{f1, f2}, 0});
//
// With one candidate at a time this is the published algorithm: parents mate, their N children are
// evaluated, and the best N of all 2N are the next parents. With several, a generation ends as soon
// as N candidates are finished, whichever: those still running then compete one generation later.
// Until it ends the parents go on mating, with tournaments drawn anew after every N children (and
// founders go on being drawn while there are no parents), so that nobody waits.
template <typename Genes>
class Generations {
 public:
  struct State {
    core::Rng rng{};              // never advanced: every use splits its own stream from it
    std::int64_t generation = 0;  // 0: the founders
    std::int64_t started = 0;     // candidates of this generation
    std::vector<Individual<Genes>> parents = {};          // best first; none in generation 0
    std::map<std::int64_t, Individual<Genes>> pool = {};  // finished, by trial: less than N
    std::map<std::int64_t, Genes> running = {};           // by trial
  };

  // `size` is N: even and above 0.
  Generations(std::int64_t size, core::Rng rng) : size_(size) { restore({.rng = rng}); }

  template <typename Variation>
  Genes propose(const Variation& variation) const {
    if (state_.generation == 0) {
      core::Rng rng = stream("founder", state_.started);
      return variation.founder(state_.started, rng);
    }
    const Pair& pair = matings_[static_cast<std::size_t>(state_.started / 2)];
    core::Rng rng = stream("mating", state_.started / 2);
    auto [elder, younger] =
        variation.mate(state_.parents[pair.first].genes, state_.parents[pair.second].genes, rng);
    return state_.started % 2 == 0 ? std::move(elder) : std::move(younger);
  }

  // Who won the tournament for the next candidate; not before there are parents.
  const Individual<Genes>& parent() const {
    const Pair& pair = matings_.at(static_cast<std::size_t>(state_.started / 2));
    return state_.parents[state_.started % 2 == 0 ? pair.first : pair.second];
  }

  // Genes that were proposed, or what their owner made of them, are being evaluated.
  void start(std::int64_t trial, Genes genes) {
    core::require(!state_.running.contains(trial), "trial {} was asked for twice", trial);
    state_.running.emplace(trial, std::move(genes));
    ++state_.started;
    plan_matings();
  }

  void finish(std::int64_t trial, Fitness fitness) {
    auto node = state_.running.extract(trial);
    core::require(!node.empty(), "trial {} was told but is not in flight", trial);
    state_.pool[trial] = {std::move(node.mapped()), std::move(fitness)};
    if (std::ssize(state_.pool) == size_) end_generation();
  }

  const State& state() const { return state_; }
  void restore(State state) {
    state_ = std::move(state);
    matings_.clear();
    plan_matings();
  }

 private:
  core::Rng stream(std::string_view purpose, std::int64_t number) const {
    return state_.rng.split(purpose)
        .split(static_cast<std::uint64_t>(state_.generation))
        .split(static_cast<std::uint64_t>(number));
  }

  void end_generation() {
    std::vector<Individual<Genes>> all = std::move(state_.parents);
    for (auto& [trial, individual] : state_.pool) all.push_back(std::move(individual));
    state_.pool.clear();
    std::vector<Fitness> fitness;
    for (const auto& individual : all) fitness.push_back(individual.fitness);

    state_.parents.clear();
    for (const std::size_t i : survivors(fitness, static_cast<std::size_t>(size_)))
      state_.parents.push_back(std::move(all[i]));
    ++state_.generation;
    state_.started = 0;
    matings_.clear();
    plan_matings();
  }

  // Enough for the next candidate; a function of the state, so it is not part of it.
  void plan_matings() {
    if (state_.generation == 0) return;
    while (2 * std::ssize(matings_) <= state_.started) {
      std::vector<Fitness> fitness;
      for (const auto& parent : state_.parents) fitness.push_back(parent.fitness);
      core::Rng rng = stream("tournaments", 2 * std::ssize(matings_) / size_);
      const std::vector<Pair> pairs = tournaments(standing_of(fitness), rng);
      matings_.insert(matings_.end(), pairs.begin(), pairs.end());
    }
  }

  std::int64_t size_;
  State state_;
  std::vector<Pair> matings_;  // of this generation's candidates, two each
};

}  // namespace parsimony::search
