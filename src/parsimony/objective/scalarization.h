// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/objective/objective.h"

namespace parsimony::objective {

// The one number that a search maximises where a network shall be good and cheap: a score of its
// quality times what it gains for being below a cost's target, or loses above (Lyu et al., IEEE
// Trans. Cybernetics 2023; with one factor also Tan et al., MnasNet, CVPR 2019). As text:
//
//   reward                                                  quality alone
//   reward * (params / 500000)^-0.6                         one cost
//   reward * (params / 3e5)^-0.3 * (flops / 2e9)^-0.3       a product of several
//   reward * (0.4 * (params / 5e5)^-0.6 + 0.6 * (flops / 1.5e9)^-0.4)     a weighted mean
//   reward * (flops / 2e9)^-0.6 unless flops < 6e8 and reward < 0.25      no gain for small but bad
struct Power {  // weight * (cost / target) ^ exponent
  std::string cost;
  double target = 1;
  double exponent = 0;  // not above 0: what is cheaper never gets less
  double weight = 1;
};

struct Scalarization {
  std::string quality = "reward";           // a score to be maximised
  std::vector<std::vector<Power>> factors;  // each the sum of its powers
  // Where all of these are below their bounds, the exponents count as 0.
  struct Below {
    std::string name;
    double bound = 0;
  };
  std::vector<Below> unless;
};

// A user error quotes the text, what was found and what was expected.
Scalarization parse_scalarization(std::string_view text);

// Reads back as the same.
std::string to_text(const Scalarization& scalarization);

// The scores and costs that it reads, each once.
std::vector<std::string> names_in(const Scalarization& scalarization);

// nullopt when something it reads is missing, or the result is not finite. Costs are looked up
// among the scores too.
std::optional<double> evaluate(const Scalarization& scalarization,
                               const Scores& scores,
                               const Scores& costs);

}  // namespace parsimony::objective
