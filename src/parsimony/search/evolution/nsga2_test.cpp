// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/evolution/nsga2.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "parsimony/core/config.h"
#include "parsimony/objective/indicators.h"
#include "parsimony/search/table.h"
#include "parsimony/search/testing.h"
#include "parsimony/space/cell.h"
#include "parsimony/space/templates.h"

namespace parsimony::search {
namespace {

using space::Tokens;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Nsga2Options with_population(int population) {
  Nsga2Options options;
  options.population = population;
  return options;
}

const ToySpace& twelve_digits() {
  static const ToySpace space(0, std::vector<std::pair<std::string, int>>(12, {"digit", 6}));
  return space;
}

double sum(const Tokens& tokens) {
  return std::accumulate(tokens.begin(), tokens.end(), 0.0);
}

// What `judge` says of the next `trials` proposals is told at once; returns the proposals.
template <typename Judge>
std::vector<Tokens> evolve(Nsga2& search, std::int64_t& next, int trials, const Judge& judge) {
  std::vector<Tokens> proposals;
  for (int i = 0; i < trials; ++i) {
    const std::int64_t trial = next++;
    proposals.push_back(search.ask(trial));
    Feedback feedback = judge(proposals.back());
    feedback.trial = trial;
    feedback.tokens = proposals.back();
    search.tell(feedback);
  }
  return proposals;
}

Feedback of_point(objective::Point point, double violation = 0) {
  Feedback feedback;
  feedback.point = std::move(point);
  feedback.violation = violation;
  return feedback;
}

Feedback of_reward(double reward) {
  Feedback feedback;
  feedback.reward = reward;
  return feedback;
}

// Mean of `figure` over the last `count`.
template <typename Figure>
double late_mean(const std::vector<Tokens>& proposals, int count, const Figure& figure) {
  double total = 0;
  for (auto tokens = proposals.end() - count; tokens != proposals.end(); ++tokens)
    total += figure(*tokens);
  return total / count;
}

class Nsga2Test : public ::testing::Test {
 protected:
  Nsga2 search_{with_population(20), twelve_digits(), core::Rng(1)};
  std::int64_t next_ = 1;
};

TEST_F(Nsga2Test, ImpossiblePopulationsAreUserErrors) {
  for (const int population : {-2, 0, 1, 5, 41}) {
    try {
      Nsga2(with_population(population), twelve_digits(), core::Rng(1));
      FAIL() << "no error for " << population;
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
      EXPECT_THAT(error.what(),
                  AllOf(HasSubstr(fmt::format("population of {};", population)),
                        HasSubstr("even number from 2")));
    }
  }
  for (const int population : {2, 6, 40})
    EXPECT_NO_THROW(Nsga2(with_population(population), twelve_digits(), core::Rng(1)));
}

TEST_F(Nsga2Test, OptionsReadFromYamlWithinBounds) {
  const auto read = [](const char* text) {
    SearchOptions options;
    core::Config::from_text(text, "test").read_into(options);
    return options;
  };
  const SearchOptions options =
      read("method: nsga2\nnsga2: {population: 20, crossover: 0.5, step: 0}\n");
  EXPECT_EQ(options.method, SearchMethod::kNsga2);
  EXPECT_EQ(options.nsga2.population, 20);
  EXPECT_EQ(options.nsga2.crossover, 0.5);
  EXPECT_EQ(options.nsga2.step, 0);
  EXPECT_THROW(read("nsga2: {population: 1}\n"), core::Error);
  EXPECT_THROW(read("nsga2: {mutation: 1.5}\n"), core::Error);
  EXPECT_THROW(
      make_search(read("method: nsga2\nnsga2: {population: 7}\n"), twelve_digits(), core::Rng(1)),
      core::Error);
}

TEST_F(Nsga2Test, FindsBothEndsOfAFront) {
  // Small digits in the first half or large ones in the second; each costs the other.
  const auto front = evolve(search_, next_, 1200, [](const Tokens& tokens) {
    double even = 0, odd = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) (i % 2 == 0 ? even : odd) += tokens[i];
    return of_point({even - odd, 2 * odd - even + 0.1 * even});
  });
  EXPECT_EQ(search_.diagnostics().at("generation"), 60);
  EXPECT_EQ(search_.diagnostics().at("feasible"), 1);
  EXPECT_GT(search_.diagnostics().at("front"), 10);
}

TEST_F(Nsga2Test, MaximisesTheRewardWhereThereAreNoPoints) {
  const auto proposals =
      evolve(search_, next_, 1000, [](const Tokens& tokens) { return of_reward(sum(tokens)); });
  EXPECT_NEAR(late_mean({proposals.begin(), proposals.begin() + 20}, 20, sum), 30, 5);
  EXPECT_GT(late_mean(proposals, 20, sum), 48);  // of at most 60; children are mutants
}

TEST_F(Nsga2Test, PointsEndTheTimeOfRewards) {
  // Rewards say large, points say small; among the rewards some come late.
  evolve(search_, next_, 50, [](const Tokens& tokens) { return of_reward(sum(tokens)); });
  evolve(search_, next_, 1, [](const Tokens& tokens) { return of_point({sum(tokens), 1}); });
  EXPECT_EQ(search_.diagnostics().at("feasible"), 0);
  const auto proposals = evolve(search_, next_, 1000, [](const Tokens& tokens) {
    return tokens[0] == 0 ? of_reward(1e9) : of_point({sum(tokens), 1});
  });
  EXPECT_EQ(search_.diagnostics().at("feasible"), 1);
  EXPECT_LT(late_mean(proposals, 20, sum), 12);
  EXPECT_LT(late_mean(proposals, 100, [](const Tokens& tokens) { return tokens[0] == 0; }), 0.5);
}

TEST_F(Nsga2Test, FailuresOfAnyKindLoseAgainstEverybody) {
  // The best objectives of all fail: as a failure, by a point that is not finite, or hopelessly
  // infeasible.
  const auto fails = [](const Tokens& tokens) { return tokens[0] < 4; };
  const auto proposals = evolve(search_, next_, 1000, [&](const Tokens& tokens) {
    switch (tokens[0]) {
      case 0:
        return Feedback{};
      case 1:
        return of_point({kNaN, 0});
      case 2:
        return of_point({0, -kInfinity}, 0.1);
      case 3:
        return of_point({0, 0}, kInfinity);
      default:
        return of_point({100 + sum(tokens), 200 - sum(tokens)});
    }
  });
  EXPECT_GT(late_mean({proposals.begin(), proposals.begin() + 60}, 60, fails), 0.3);
  EXPECT_LT(late_mean(proposals, 100, fails), 0.25);
  EXPECT_EQ(search_.diagnostics().at("feasible"), 1);
}

TEST_F(Nsga2Test, SurvivesWhenEverythingFails) {
  const auto proposals = evolve(search_, next_, 200, [](const Tokens&) { return Feedback{}; });
  EXPECT_EQ(search_.diagnostics().at("generation"), 10);
  EXPECT_EQ(search_.diagnostics().at("front"), 0);
  EXPECT_GT(late_mean(proposals, 20, sum), 5);
}

// No random genotype is feasible; less violation leads to those that are.
TEST_F(Nsga2Test, ViolationLeadsToFeasibleCandidates) {
  const auto judge = [](const Tokens& tokens) {
    const double violation = std::max(0.0, sum(tokens) - 8);
    return violation > 0 ? of_point({-sum(tokens), 0}, violation)
                         : of_point({-sum(tokens), static_cast<double>(tokens[0])});
  };
  evolve(search_, next_, 20, judge);
  EXPECT_EQ(search_.diagnostics().at("feasible"), 0);
  const auto proposals = evolve(search_, next_, 1500, judge);
  EXPECT_EQ(search_.diagnostics().at("feasible"), 1);
  EXPECT_LT(late_mean(proposals, 40, sum), 14);
  EXPECT_TRUE(std::ranges::any_of(
      proposals, [](const Tokens& tokens) { return sum(tokens) == 8 && tokens[0] == 0; }));
}

TEST_F(Nsga2Test, ConstantObjectivesDoNotDisturb) {
  const auto proposals = evolve(search_, next_, 1000, [](const Tokens& tokens) {
    return of_point({1, sum(tokens), -3});
  });
  EXPECT_LT(late_mean(proposals, 20, sum), 12);
  Nsga2 blind(with_population(20), twelve_digits(), core::Rng(1));
  next_ = 1;
  evolve(blind, next_, 400, [](const Tokens&) { return of_point({1, 1}); });
  EXPECT_EQ(blind.diagnostics().at("front"), 20);
}

TEST_F(Nsga2Test, ProposesNothingTwiceWhileThereIsSomethingNew) {
  auto proposals =
      evolve(search_, next_, 1000, [](const Tokens& tokens) { return of_point({sum(tokens)}); });
  std::ranges::sort(proposals);
  EXPECT_EQ(std::ranges::adjacent_find(proposals), proposals.end());

  const ToySpace small(0, {{"a", 2}, {"b", 2}});
  Nsga2 exhausted(with_population(4), small, core::Rng(1));
  next_ = 1;
  auto all =
      evolve(exhausted, next_, 100, [](const Tokens& tokens) { return of_point({sum(tokens)}); });
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  EXPECT_EQ(all.size(), 4u);
}

// Its second half has no effect, and its text says so.
class HalfSilentSpace final : public ToySpace {
 public:
  HalfSilentSpace() : ToySpace(0, std::vector<std::pair<std::string, int>>(8, {"a", 20})) {}
  std::string text(const Tokens& tokens) const override {
    return ToySpace::text({tokens[0], tokens[1], tokens[2], tokens[3]});
  }
};

TEST_F(Nsga2Test, GenotypesWithOneTextAreProposedOnce) {
  const HalfSilentSpace space;
  Nsga2 search(with_population(20), space, core::Rng(1));
  std::set<std::string> texts;
  for (const Tokens& tokens :
       evolve(search, next_, 200, [](const Tokens& t) { return of_point({sum(t)}); }))
    EXPECT_TRUE(texts.insert(space.text(tokens)).second);
}

class LandmarkSpace final : public ToySpace {
 public:
  LandmarkSpace() : ToySpace(0, std::vector<std::pair<std::string, int>>(8, {"a", 5})) {}
  std::vector<Tokens> landmarks() const override { return {Tokens(8, 4), Tokens(8, 0)}; }
};

TEST_F(Nsga2Test, BeginsWithLandmarks) {
  const LandmarkSpace space;
  Nsga2 search(with_population(4), space, core::Rng(1));
  EXPECT_EQ(search.ask(1), Tokens(8, 4));
  EXPECT_EQ(search.ask(2), Tokens(8, 0));
  EXPECT_NE(search.ask(3), Tokens(8, 4));
}

// Where a candidate's work lies, siblings agree; and they are as new as everybody else.
class WorkingSpace final : public ToySpace {
 public:
  WorkingSpace() : ToySpace(0, std::vector<std::pair<std::string, int>>(8, {"a", 5})) {
    decisions_[6].work_before = decisions_[7].work_before = 0.7;
  }
};

TEST_F(Nsga2Test, SiblingsShareTheirBeginning) {
  const WorkingSpace space;
  Nsga2Options options = with_population(20);
  options.siblings = 4;
  Nsga2 search(options, space, core::Rng(1));
  const auto judge = [](const Tokens& t) { return of_point({sum(t), t[0] - sum(t)}); };
  auto proposals = evolve(search, next_, 400, judge);
  int alike = 0, families = 0;
  for (std::size_t i = 20; i < proposals.size(); ++i) {
    const auto leader = proposals.begin() + static_cast<std::ptrdiff_t>(i - i % 4);
    alike += std::equal(leader->begin(), leader->begin() + 6, proposals[i].begin());
    families += i % 4 == 0 && *leader != *(leader - 4);
  }
  EXPECT_GT(alike, 370);  // of 380: 25 choices behind a beginning can run out
  EXPECT_EQ(families, 95);
  std::ranges::sort(proposals);
  EXPECT_EQ(std::ranges::adjacent_find(proposals), proposals.end());
  EXPECT_THROW(Nsga2(options, twelve_digits(), core::Rng(1)), core::Error);
}

TEST_F(Nsga2Test, PointsOfAnotherLengthAndBadViolationsAreBugs) {
  evolve(search_, next_, 5, [](const Tokens&) { return of_point({1, 2}); });
  const Tokens tokens = search_.ask(100);
  const std::string before = search_.save();
  for (Feedback feedback :
       {of_point({1}), of_point({}), of_point({1, 2}, -1), of_point({1, 2}, kNaN)}) {
    feedback.trial = 100;
    feedback.tokens = tokens;
    EXPECT_THROW(search_.tell(feedback), core::Error);
  }
  EXPECT_EQ(search_.save(), before);
}

TEST_F(Nsga2Test, StateWithAnotherPopulationIsAUserError) {
  Nsga2 other(with_population(22), twelve_digits(), core::Rng(1));
  try {
    search_.load(other.save());
    FAIL() << "no error";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
    EXPECT_THAT(error.what(), HasSubstr("nsga2 population 22, this search is set to 20"));
  }
}

// A study with three workers, killed after every single event: each time a search of another seed
// takes over from the saved state, and all proposals are those of the study that was never killed.
TEST_F(Nsga2Test, KilledAtEveryMomentItContinuesExactly) {
  const WorkingSpace space;
  Nsga2Options options = with_population(6);
  const auto study = [&](bool killed) {
    auto search = std::make_unique<Nsga2>(options, space, core::Rng(3));
    core::Rng rng(4);
    std::vector<std::pair<std::int64_t, Tokens>> running;
    std::vector<Tokens> proposals;
    for (int event = 0; event < 400; ++event) {
      if (running.empty() || (running.size() < 3 && rng.chance(0.6))) {
        const auto trial = std::ssize(proposals);
        proposals.push_back(search->ask(trial));
        running.emplace_back(trial, proposals.back());
      } else {
        const auto chosen = running.begin() + rng.below(std::ssize(running));
        Feedback feedback = rng.chance(0.1)   ? Feedback{}
                            : rng.chance(0.3) ? of_point({0, 0}, rng.uniform())
                                              : of_point({sum(chosen->second), rng.uniform()});
        feedback.trial = chosen->first;
        feedback.tokens = chosen->second;
        search->tell(feedback);
        running.erase(chosen);
      }
      if (!killed) continue;
      auto heir =
          std::make_unique<Nsga2>(options, space, core::Rng(static_cast<std::uint64_t>(event)));
      heir->load(search->save());
      EXPECT_EQ(heir->save(), search->save());
      search = std::move(heir);
    }
    EXPECT_GT(search->diagnostics().at("generation"), 20);
    return std::pair(proposals, search->save());
  };
  EXPECT_EQ(study(true), study(false));
  options.siblings = 3;
  EXPECT_EQ(study(true), study(false));
}

// Accuracy against cost over a real space: most of the volume at equal budget.
TEST_F(Nsga2Test, BeatsRandomSearchByHypervolume) {
  const space::CellSpace cells;
  const auto points_of = [&](SearchMethod method, std::uint64_t seed) {
    const core::Rng rng(seed);
    const PlantedOptimum quality(cells, rng.split("quality")), frugality(cells, rng.split("cost"));
    const auto search = make_search({.method = method}, cells, rng.split("search"));
    std::vector<objective::Point> points;
    for (std::int64_t trial = 1; trial <= 400; ++trial) {
      const Tokens tokens = search->ask(trial);
      points.push_back({-quality.noisy_reward(trial, tokens), -frugality.reward(tokens)});
      search->tell({trial, tokens, quality.reward(tokens), points.back()});
    }
    return points;
  };
  int wins = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const auto volumes = objective::comparable_hypervolumes(
        {points_of(SearchMethod::kNsga2, seed), points_of(SearchMethod::kRandom, seed)});
    wins += volumes[0] > volumes[1];
  }
  EXPECT_GE(wins, 4);
}

}  // namespace
}  // namespace parsimony::search
