// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string_view>

#include "parsimony/core/fields.h"
#include "parsimony/core/rng.h"
#include "parsimony/search/evolution/nsga2_options.h"
#include "parsimony/search/rl/ppo.h"
#include "parsimony/search/search.h"

namespace parsimony::search {

enum class SearchMethod { kRandom, kPpo, kReinforce, kNsga2 };
inline constexpr std::array<std::string_view, 4> kSearchMethodNames = {
    "random", "ppo", "reinforce", "nsga2"};

struct SearchOptions {
  SearchMethod method = SearchMethod::kPpo;
  ControllerOptions controller{};  // ppo, reinforce
  LearnerOptions learner{};        // ppo, reinforce
  PpoOptions ppo{};
  Nsga2Options nsga2{};
  void visit(core::FieldVisitor& v);
};

// One search method: a row of the table in table.cpp, which is all that has to know it.
struct SearchRow {
  SearchMethod method;
  std::string_view summary;
  std::unique_ptr<Search> (*make)(const SearchOptions&, const space::SearchSpace&, core::Rng);
};
std::span<const SearchRow> search_table();

// `space` must outlive the search.
std::unique_ptr<Search> make_search(const SearchOptions& options,
                                    const space::SearchSpace& space,
                                    core::Rng rng);

}  // namespace parsimony::search
