// SPDX-License-Identifier: Apache-2.0
// Whether searching pays: against random search at equal budget, on tasks with a planted optimum.
#include <gtest/gtest.h>

#include <cmath>

#include "parsimony/search/table.h"
#include "parsimony/search/testing.h"
#include "parsimony/space/cell.h"

namespace parsimony::search {
namespace {

constexpr std::uint64_t kSeeds = 5;

// Mean noise-free reward of the last `last` of `trials` proposals.
double late_reward(const SearchOptions& options,
                   const space::SearchSpace& space,
                   std::uint64_t seed,
                   int trials,
                   int last) {
  const core::Rng rng(seed);
  const PlantedOptimum task(space, rng.split("task"));
  const auto search = make_search(options, space, rng.split("search"));
  double sum = 0;
  for (int trial = 1; trial <= trials; ++trial) {
    const auto tokens = search->ask(trial);
    search->tell({trial, tokens, task.noisy_reward(trial, tokens)});
    if (trial > trials - last) sum += task.reward(tokens);
  }
  return sum / last;
}

void expect_beats_random(const SearchOptions& options,
                         const space::SearchSpace& space,
                         int trials,
                         double margin) {
  const SearchOptions random{.method = SearchMethod::kRandom};
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const double learnt = late_reward(options, space, seed, trials, 100);
    const double drawn = late_reward(random, space, seed, trials, 100);
    EXPECT_GT(learnt, drawn + margin) << "seed " << seed;
  }
}

const ToySpace& small_space() {
  static const ToySpace space(
      2, {{"place", 4}, {"op", 5}, {"op", 5}, {"link", 3}, {"op", 5}, {"width", 2}, {"op", 5}});
  return space;
}

// Half the published width, and one step over the whole ring per reward at ten times the published
// rate: two hundred times cheaper than the defaults.
SearchOptions quick(SearchMethod method, ControllerInput input) {
  SearchOptions options;
  options.method = method;
  options.controller = {.input = input, .units = 50};
  options.learner.learning_rate = 1e-3;
  options.ppo.minibatch = options.ppo.capacity;
  return options;
}

TEST(LearningOnCells, PpoBeatsRandom) {
  expect_beats_random(
      quick(SearchMethod::kPpo, ControllerInput::kHidden), space::CellSpace(), 400, 0.2);
}

TEST(LearningOnCells, ReinforceBeatsRandom) {
  expect_beats_random(
      quick(SearchMethod::kReinforce, ControllerInput::kHidden), space::CellSpace(), 400, 0.2);
}

TEST(LearningOnCells, ReinforceWithTokensBeatsRandom) {
  expect_beats_random(
      quick(SearchMethod::kReinforce, ControllerInput::kToken), space::CellSpace(), 400, 0.2);
}

TEST(LearningOnASmallSpace, PpoBeatsRandom) {
  expect_beats_random(quick(SearchMethod::kPpo, ControllerInput::kHidden), small_space(), 300, 0.2);
}

TEST(LearningOnASmallSpace, ReinforceBeatsRandom) {
  expect_beats_random(
      quick(SearchMethod::kReinforce, ControllerInput::kHidden), small_space(), 300, 0.2);
}

TEST(LearningOnASmallSpace, PpoWithTokensBeatsRandom) {
  SearchOptions options = quick(SearchMethod::kPpo, ControllerInput::kToken);
  options.controller.units = 24;
  options.ppo.minibatch = 10;
  expect_beats_random(options, small_space(), 250, 0.15);
}

// The entropy per decision starts at that of an even choice and falls as the search settles.
TEST(LearningOnASmallSpace, EntropyFalls) {
  double even = 0;
  for (const space::Decision& decision : small_space().decisions())
    even += std::log(decision.choices);
  even /= static_cast<double>(small_space().decisions().size());
  for (const SearchMethod method : {SearchMethod::kPpo, SearchMethod::kReinforce}) {
    const core::Rng rng(1);
    const PlantedOptimum task(small_space(), rng.split("task"));
    const auto search =
        make_search(quick(method, ControllerInput::kHidden), small_space(), rng.split("search"));
    EXPECT_NEAR(search->diagnostics().at("entropy"), even, 0.02);
    for (int trial = 1; trial <= 300; ++trial) {
      const auto tokens = search->ask(trial);
      search->tell({trial, tokens, task.noisy_reward(trial, tokens)});
    }
    EXPECT_LT(search->diagnostics().at("entropy"), 0.7 * even) << search->name();
    EXPECT_GT(search->diagnostics().at("entropy"), 0);
  }
}

// The published settings to the letter, once: 100 steps at 1e-4 for every reward.
TEST(LearningOnASmallSpace, PublishedPpoBeatsRandom) {
  const double learnt = late_reward({}, small_space(), 1, 120, 30);
  const double drawn = late_reward({.method = SearchMethod::kRandom}, small_space(), 1, 120, 30);
  EXPECT_GT(learnt, drawn + 0.15);
}

}  // namespace
}  // namespace parsimony::search
