// SPDX-License-Identifier: Apache-2.0
// The contract of search.h, held against every row of the table over three spaces.
#include <gtest/gtest.h>

#include <limits>

#include "parsimony/core/config.h"
#include "parsimony/search/table.h"
#include "parsimony/search/testing.h"
#include "parsimony/space/cell.h"
#include "parsimony/space/templates.h"

namespace parsimony::search {
namespace {

struct Case {
  std::string name;
  SearchOptions options;
};

// Small controllers: the contract does not depend on the width, the time does.
std::vector<Case> cases() {
  std::vector<Case> result;
  for (const SearchRow& row : search_table()) {
    for (const ControllerInput input : {ControllerInput::kHidden, ControllerInput::kToken}) {
      SearchOptions options;
      options.method = row.method;
      options.controller = {.input = input, .units = 8};
      options.ppo.capacity = 20;
      options.ppo.minibatch = 3;
      options.nsga2.population = 8;
      const auto method = kSearchMethodNames[static_cast<std::size_t>(row.method)];
      const auto suffix = kControllerInputNames[static_cast<std::size_t>(input)];
      result.push_back({fmt::format("{}_{}", method, suffix), options});
    }
  }
  return result;
}

core::ErrorKind kind_of_error(const std::function<void()>& action) {
  try {
    action();
  } catch (const core::Error& error) {
    return error.kind();
  }
  throw std::logic_error("no error");
}

class Contract : public ::testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<Search> make(std::uint64_t seed, const space::SearchSpace& space) const {
    return make_search(GetParam().options, space, core::Rng(seed));
  }

  // A few events of a concurrent study: up to `width` candidates in flight, told in any order, some
  // failed. Deterministic; returns what was asked.
  struct Study {
    core::Rng rng{77};
    std::int64_t next = 1;
    std::map<std::int64_t, space::Tokens> in_flight;
  };
  std::vector<space::Tokens> advance(Search& search,
                                     Study& study,
                                     int events,
                                     int width = 4) const {
    std::vector<space::Tokens> asked;
    for (int i = 0; i < events; ++i) {
      if (study.in_flight.empty() ||
          (std::ssize(study.in_flight) < width && study.rng.chance(0.6))) {
        asked.push_back(search.ask(study.next));
        study.in_flight[study.next++] = asked.back();
        continue;
      }
      const auto chosen =
          std::next(study.in_flight.begin(), study.rng.below(std::ssize(study.in_flight)));
      search.tell(feedback(study, chosen->first, chosen->second));
      study.in_flight.erase(chosen);
    }
    return asked;
  }

  // A reward, objectives and mostly no violation; now and then nothing.
  Feedback feedback(Study& study, std::int64_t trial, const space::Tokens& tokens) const {
    const PlantedOptimum task(cell_, core::Rng(5));
    Feedback feedback{trial, tokens};
    if (study.rng.chance(0.2)) return feedback;
    feedback.reward = task.noisy_reward(trial, tokens);
    feedback.point = objective::Point{-*feedback.reward, static_cast<double>(tokens[0])};
    if (study.rng.chance(0.2)) feedback.violation = study.rng.uniform();
    return feedback;
  }

  const space::CellSpace cell_{space::CellSpaceOptions{}};
  const ToySpace toy_{0, {{"a", 2}, {"b", 1}, {"a", 2}}};
};

TEST_P(Contract, NameIsTheRowsName) {
  EXPECT_EQ(make(1, cell_)->name(),
            kSearchMethodNames[static_cast<std::size_t>(GetParam().options.method)]);
}

TEST_P(Contract, NeverThrowsAndProposesValidTokens) {
  const auto search = make(1, cell_);
  Study study;
  for (const auto& tokens : advance(*search, study, 600)) space::check(cell_, tokens);
  EXPECT_GT(study.next, 250);
  for (const auto& [name, value] : search->diagnostics()) EXPECT_TRUE(std::isfinite(value)) << name;
}

TEST_P(Contract, ProposesValidTemplates) {
  const space::TemplateSpace templates;
  const auto search = make(1, templates);
  for (std::int64_t trial = 1; trial <= 40; ++trial) {
    const auto tokens = search->ask(trial);
    space::check(templates, tokens);
    search->tell({trial, tokens, 0.5});
  }
}

TEST_P(Contract, CopesWithConstantAndExtremeRewards) {
  const auto search = make(1, toy_);
  for (std::int64_t trial = 1; trial <= 60; ++trial) {
    const auto tokens = search->ask(trial);
    space::check(toy_, tokens);
    search->tell({trial, tokens, trial < 20 ? 0.0 : trial < 40 ? -1e9 : 1e9});
  }
  for (const auto& [name, value] : search->diagnostics()) EXPECT_TRUE(std::isfinite(value)) << name;
}

TEST_P(Contract, SameSeedSameSearch) {
  const auto a = make(1, cell_), b = make(1, cell_), c = make(2, cell_);
  Study of_a, of_b, of_c;
  const auto asked = advance(*a, of_a, 120);
  EXPECT_EQ(asked, advance(*b, of_b, 120));
  EXPECT_EQ(a->save(), b->save());
  EXPECT_NE(asked, advance(*c, of_c, 120));
}

// Saved with several candidates in flight, at moments before, while and after a ring fills; the
// loaded search, made with another seed, goes on to the last bit.
TEST_P(Contract, LoadedSearchContinuesExactly) {
  core::Rng rng(9);
  for (int moment = 0; moment < 8; ++moment) {
    const auto original = make(1, cell_), loaded = make(2, cell_);
    Study study;
    advance(*original, study, static_cast<int>(rng.below(100)));
    for (int extra = 0; extra < 3; ++extra)
      study.in_flight[study.next] = original->ask(study.next), ++study.next;
    const std::string state = original->save();
    loaded->load(state);
    EXPECT_EQ(loaded->save(), state);
    EXPECT_EQ(loaded->diagnostics(), original->diagnostics());
    Study copy = study;
    EXPECT_EQ(advance(*original, study, 60), advance(*loaded, copy, 60));
    EXPECT_EQ(original->save(), loaded->save());
  }
}

TEST_P(Contract, DamagedStatesAreUserErrorsAndChangeNothing) {
  const auto search = make(1, toy_);
  search->tell({1, search->ask(1), 0.5});
  search->ask(2);
  const std::string state = search->save();
  const auto other = make(2, toy_);
  const std::string before = other->save();
  core::Rng rng(3);
  for (int i = 0; i < 300; ++i) {
    std::string damaged = state;
    const auto at = static_cast<std::size_t>(rng.below(std::ssize(state)));
    if (i % 3 == 0) {
      damaged.resize(at);
    } else if (i % 3 == 1) {
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << rng.below(8)));
    } else {
      damaged.insert(at, 1, static_cast<char>(rng.below(256)));
    }
    EXPECT_EQ(kind_of_error([&] { other->load(damaged); }), core::ErrorKind::kUser);
  }
  EXPECT_EQ(kind_of_error([&] { other->load(""); }), core::ErrorKind::kUser);
  EXPECT_EQ(kind_of_error([&] { other->load(state + "x"); }), core::ErrorKind::kUser);
  EXPECT_EQ(other->save(), before);
  other->load(state);
}

TEST_P(Contract, StatesOfOtherMethodsAndSpacesAreUserErrors) {
  const auto search = make(1, toy_);
  for (const Case& other : cases()) {
    if (other.options.method == GetParam().options.method) continue;
    const std::string state = make_search(other.options, toy_, core::Rng(1))->save();
    EXPECT_EQ(kind_of_error([&] { search->load(state); }), core::ErrorKind::kUser);
  }
  const ToySpace renamed{0, {{"a", 2}, {"b", 1}, {"c", 2}}};
  EXPECT_EQ(kind_of_error([&] { search->load(make(1, renamed)->save()); }), core::ErrorKind::kUser);
}

INSTANTIATE_TEST_SUITE_P(EverySearch, Contract, ::testing::ValuesIn(cases()), [](const auto& test) {
  return test.param.name;
});

TEST(SearchTable, RowsStandInTheOrderOfTheirNames) {
  for (std::size_t i = 0; i < search_table().size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(search_table()[i].method), i);
    EXPECT_FALSE(search_table()[i].summary.empty());
  }
}

TEST(SearchOptions, ReadFromYaml) {
  auto config = core::Config::from_text(
      "method: reinforce\ncontroller: {input: token}\nlearner: {learning_rate: 0.001}\nppo: {clip: "
      "0.2}\n",
      "test");
  SearchOptions options;
  config.read_into(options);
  EXPECT_EQ(options.method, SearchMethod::kReinforce);
  EXPECT_EQ(options.controller.input, ControllerInput::kToken);
  EXPECT_EQ(options.learner.learning_rate, 0.001);
  EXPECT_EQ(options.ppo.clip, 0.2);
}

// What only searches that learn can break; random search takes any feedback.
class Learning : public ::testing::TestWithParam<SearchMethod> {
 protected:
  std::unique_ptr<Search> make(SearchOptions options) const {
    options.method = GetParam();
    return make_search(options, space_, core::Rng(1));
  }
  SearchOptions small_{.controller = {.units = 8}};
  ToySpace space_{1, {{"a", 3}, {"b", 2}}};
};

TEST_P(Learning, BrokenPromisesAreInternalErrors) {
  const auto search = make(small_);
  const auto tokens = search->ask(1);
  const std::string before = search->save();
  auto changed = tokens;
  changed[0] = (changed[0] + 1) % 3;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<Feedback> broken = {{2, tokens, 0.5},
                                        {1, changed, 0.5},
                                        {1, tokens, nan},
                                        {1, tokens, infinity},
                                        {1, tokens, -infinity}};
  for (const Feedback& feedback : broken) {
    EXPECT_EQ(kind_of_error([&] { search->tell(feedback); }), core::ErrorKind::kInternal);
  }
  EXPECT_EQ(kind_of_error([&] { search->ask(1); }), core::ErrorKind::kInternal);
  EXPECT_EQ(search->save(), before);
  search->tell({1, tokens, 0.5});
  EXPECT_EQ(kind_of_error([&] { search->tell({1, tokens, 0.5}); }), core::ErrorKind::kInternal);
}

class PolicyGradient : public Learning {};

// A failed candidate leaves a controller as if it had never been proposed.
TEST_P(PolicyGradient, FailuresTeachNothing) {
  const auto search = make(small_);
  for (std::int64_t trial = 1; trial <= 10; ++trial)
    search->tell({trial, search->ask(trial), 0.1 * static_cast<double>(trial)});
  const std::string before = search->save();
  const auto tokens = search->ask(1000);
  search->tell({1000, tokens, std::nullopt});
  EXPECT_EQ(search->save(), before);
}

TEST_P(PolicyGradient, StatesOfOtherControllersAreUserErrors) {
  const auto search = make(small_);
  SearchOptions wider = small_, deeper = small_, feeding = small_;
  wider.controller.units = 9;
  deeper.controller.layers = 3;
  feeding.controller.input = ControllerInput::kToken;
  for (const SearchOptions& other : {wider, deeper, feeding}) {
    EXPECT_EQ(kind_of_error([&] { search->load(make(other)->save()); }), core::ErrorKind::kUser);
  }
}

TEST(Ppo, StateWithAnotherCapacityIsAUserError) {
  const ToySpace space{1, {{"a", 3}}};
  SearchOptions options{.controller = {.units = 8}};
  const std::string state = make_search(options, space, core::Rng(1))->save();
  options.ppo.capacity = 50;
  EXPECT_EQ(kind_of_error([&] { make_search(options, space, core::Rng(1))->load(state); }),
            core::ErrorKind::kUser);
}

INSTANTIATE_TEST_SUITE_P(
    EverySearch,
    Learning,
    ::testing::Values(SearchMethod::kPpo, SearchMethod::kReinforce, SearchMethod::kNsga2),
    [](const auto& test) {
      return std::string(kSearchMethodNames[static_cast<std::size_t>(test.param)]);
    });

INSTANTIATE_TEST_SUITE_P(EveryController,
                         PolicyGradient,
                         ::testing::Values(SearchMethod::kPpo, SearchMethod::kReinforce),
                         [](const auto& test) {
                           return std::string(
                               kSearchMethodNames[static_cast<std::size_t>(test.param)]);
                         });

}  // namespace
}  // namespace parsimony::search
