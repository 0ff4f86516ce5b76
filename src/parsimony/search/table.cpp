// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/table.h"

#include "parsimony/search/evolution/nsga2.h"
#include "parsimony/search/random/random.h"
#include "parsimony/search/rl/reinforce.h"

namespace parsimony::search {
namespace {

using Options = const SearchOptions&;
using Space = const space::SearchSpace&;
using Made = std::unique_ptr<Search>;

// In the order of SearchMethod.
constexpr std::array<SearchRow, kSearchMethodNames.size()> kTable = {{
    {SearchMethod::kRandom,
     "uniform random search, the baseline",
     [](Options, Space space, core::Rng rng) -> Made {
       return std::make_unique<RandomSearch>(space, rng);
     }},
    {SearchMethod::kPpo,
     "LSTM controller, proximal policy optimisation (Nekrasov et al., CVPR 2019)",
     [](Options options, Space space, core::Rng rng) -> Made {
       return std::make_unique<Ppo>(options.controller, options.learner, options.ppo, space, rng);
     }},
    {SearchMethod::kReinforce,
     "LSTM controller, REINFORCE with a moving-average baseline",
     [](Options options, Space space, core::Rng rng) -> Made {
       return std::make_unique<Reinforce>(options.controller, options.learner, space, rng);
     }},
    {SearchMethod::kNsga2,
     "NSGA-II, an elitist evolution of the whole front (Deb et al., IEEE TEC 2002)",
     [](Options options, Space space, core::Rng rng) -> Made {
       return std::make_unique<Nsga2>(options.nsga2, space, rng);
     }},
}};

}  // namespace

void SearchOptions::visit(core::FieldVisitor& v) {
  v.choice("method", method, kSearchMethodNames, {"how candidates are proposed"});
  v.group("controller", controller, "the LSTM policy of ppo and reinforce");
  v.group("learner", learner, "how ppo and reinforce train the policy");
  v.group("ppo", ppo, "proximal policy optimisation");
  v.group("nsga2", nsga2, "evolution by non-dominated sorting");
}

std::span<const SearchRow> search_table() {
  return kTable;
}

std::unique_ptr<Search> make_search(const SearchOptions& options,
                                    const space::SearchSpace& space,
                                    core::Rng rng) {
  return kTable.at(static_cast<std::size_t>(options.method)).make(options, space, rng);
}

}  // namespace parsimony::search
