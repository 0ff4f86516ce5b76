// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/core/rng.h"
#include "parsimony/search/search.h"

namespace parsimony::search {

// Uniform random search: the baseline every other method has to beat at equal budget, and the
// shortest example of a Search. It learns nothing, so its whole state is the seed: what it proposes
// for a trial depends on that trial's number alone.
class RandomSearch final : public Search {
 public:
  // `space` must outlive the search.
  RandomSearch(const space::SearchSpace& space, core::Rng rng) : space_(space), rng_(rng) {}

  std::string_view name() const override { return "random"; }
  space::Tokens ask(std::int64_t trial) override;
  void tell(const Feedback&) override {}
  std::string save() const override;
  void load(std::string_view state) override;

 private:
  const space::SearchSpace& space_;
  core::Rng rng_;
};

}  // namespace parsimony::search
