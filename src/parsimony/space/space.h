// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "parsimony/core/rng.h"

namespace parsimony::space {

// One choice per decision of a space, in the space's order. The value type that searches handle.
using Tokens = std::vector<int>;

// One categorical decision.
struct Decision {
  std::string name;  // "cell.1.op2": unique within the space
  std::string head;  // decisions with one head mean the same thing (controllers share its weights)
  int choices = 0;
  bool ordered = false;  // neighbouring choices are alike, as numbers of repeats are
  // The share of a network's work that is done before this decision or one behind it matters, where
  // the space knows it: candidates that agree in all earlier decisions can share that.
  double work_before = 0;
};

// A search space: a product of categorical decisions with a published text form. Immutable, safe to
// use from many threads. What a genotype means as a network is not known here (graph/lower.h).
class SearchSpace {
 public:
  virtual ~SearchSpace() = default;
  virtual std::string_view name() const = 0;
  virtual const std::vector<Decision>& decisions() const = 0;
  // Number of steps an unrolled controller takes before its first decision (one per encoder tap).
  virtual int warm_up_steps() const = 0;
  // Text form of valid tokens, and back. Tokens that share a text are one genotype: a space may
  // write decisions without effect, such as the width of a dropped block, as choice 0. `parse`
  // throws a user error for text that is not a genotype of this space.
  virtual std::string text(const Tokens& tokens) const = 0;
  virtual Tokens parse(std::string_view text) const = 0;
  // Genotypes worth evaluating first, such as the full network and the smallest one; evolution
  // begins with them.
  virtual std::vector<Tokens> landmarks() const { return {}; }
  // The full network made smaller evenly, from the full one down: what somebody would do without a
  // search, and a baseline for it. Empty where nothing in the space is a matter of size.
  virtual std::vector<Tokens> scalings() const { return {}; }
  // A random genotype to begin an evolution with: uniform, unless most uniform genotypes of the
  // space are useless.
  virtual Tokens founder(core::Rng& rng) const;
};

// Throws an internal error unless `tokens` has one in-range value per decision.
void check(const SearchSpace& space, const Tokens& tokens);

// Uniform over token sequences.
Tokens sample(const SearchSpace& space, core::Rng& rng);

// Natural logarithm of the number of token sequences: the entropy of the uniform policy, in nats.
double log_size(const SearchSpace& space);

}  // namespace parsimony::space
