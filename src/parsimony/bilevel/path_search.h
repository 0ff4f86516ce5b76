// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "parsimony/bilevel/search.h"
#include "parsimony/differentiable/history.h"
#include "parsimony/differentiable/paths/budget.h"

namespace parsimony::bilevel {

// The second search of RSPNet (spec rspnet 6): with the cell decided and weights that begin anew,
// path attention of a grid with all its paths learns which to close. Gates rest in the warm-up;
// then each step trains them on a batch of their half of the pictures, with what drives them to a
// decision within a budget, before the weights are trained on one of theirs.
class PathSearch {
 public:
  // `costs` of the final network's grid. `warm` is a file for the state after the warm-up, which
  // knows nothing of budgets yet and is the same for all of them; the first search writes it.
  PathSearch(const Search& search,
             space::GridCell cell,
             double budget,
             differentiable::GridCosts costs,
             std::filesystem::path warm);
  ~PathSearch();

  // Nothing when interrupted; continued as search_cell() is.
  std::optional<differentiable::PathSearchHistory> run();

  // After run(): what some of the paths make of the validation pictures with the supernet's weights
  // and new statistics of batch norms. Nothing when interrupted.
  std::optional<objective::Scores> inherited(const std::vector<space::GridLayer>& paths);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace parsimony::bilevel
