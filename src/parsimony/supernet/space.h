// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "parsimony/graph/subsample.h"
#include "parsimony/space/space.h"

namespace parsimony::supernet {

// The candidates of a supernet as a search space (FMAS: Xiong et al., arXiv 2303.16322): one
// decision per site, 0 for what the supernet has. The text form is the list of choices in canonical
// form, "[0,2,1,...]": decisions without effect are 0.
//
// All tokens are valid. Where they drop every branch of a concatenation, one is kept: the first
// that looks at single pixels (the 1x1 convolution of an ASPP), else the first.
class SupernetSpace final : public space::SearchSpace {
 public:
  explicit SupernetSpace(graph::Supernet supernet);
  std::string_view name() const override { return "supernet"; }
  const std::vector<space::Decision>& decisions() const override { return decisions_; }
  int warm_up_steps() const override { return 0; }
  std::string text(const space::Tokens& tokens) const override;
  // The tokens are in canonical form. A text that drops all branches is a user error.
  space::Tokens parse(std::string_view text) const override;
  // The supernet, its smallest candidate, and all widths near 3/4 and near 1/2 of the supernet's.
  std::vector<space::Tokens> landmarks() const override;
  // The supernet, and all widths near 7/8, 3/4, 5/8 and 1/2 of its own.
  std::vector<space::Tokens> scalings() const override;
  // Every site keeps what the supernet has with a probability that is itself uniform in [0.5, 1],
  // one for the individual; of uniform genotypes hardly any sees more than background.
  space::Tokens founder(core::Rng& rng) const override;

  const graph::Supernet& supernet() const { return supernet_; }
  // What the tokens choose, repaired and in canonical form: equal for equal networks.
  graph::Choices choices(const space::Tokens& tokens) const;

 private:
  // Sites of one concatenation whose inputs can all be dropped, and the one that the repair keeps.
  struct Branches {
    std::vector<std::size_t> sites;
    std::size_t kept = 0;
  };

  space::Tokens uniform_width(double share) const;

  graph::Supernet supernet_;
  std::vector<space::Decision> decisions_;
  std::vector<Branches> branches_;
};

}  // namespace parsimony::supernet
