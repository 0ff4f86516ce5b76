// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "parsimony/core/fields.h"
#include "parsimony/differentiable/paths/budget.h"
#include "parsimony/differentiable/paths/gate_loss.h"

namespace parsimony::differentiable {

// What is added to the cross entropy that trains the gates of a path search (spec rspnet 6).

// What drives gates to a decision: path_losses.h, or sparse_mask.h.
enum class Sparsifier { kNone, kPatterns, kSparseMask };
inline constexpr std::array<std::string_view, 3> kSparsifierNames = {
    "none", "patterns", "sparsemask"};

// Over what the patterns' entropy is a mean (path_losses.h): pattern_entropy, the form of DiNTS, or
// layer_entropy.
enum class EntropyMean { kPatterns, kLayers };
inline constexpr std::array<std::string_view, 2> kEntropyMeanNames = {"patterns", "layers"};

// What keeps networks cheap: budget.h.
enum class Budget { kNone, kAbsolute, kSquared };
inline constexpr std::array<std::string_view, 3> kBudgetNames = {"none", "absolute", "squared"};

// Sparsifier and topology count from the end of the gates' warm-up on, as lambda rises; so does the
// absolute budget. The squared budget has a ramp of its own.
struct PathRegularizerOptions {
  Sparsifier sparsifier = Sparsifier::kPatterns;
  double entropy = 1;  // weight of the patterns' entropy (DiNTS)
  EntropyMean entropy_mean = EntropyMean::kLayers;
  double topology = 1e-3;     // weight of the topology's disagreement (DiNTS), with patterns
  double sparse_mask = 0.01;  // weight of SparseMask's loss
  Budget budget = Budget::kAbsolute;
  double share = 0.6;           // of the whole grid's cost that is aimed at
  double absolute_weight = 1;   // DiNTS
  double squared_weight = 0.5;  // variant B of Dynamic Routing, which aims at 0.1
  double squared_begin = 0.4;   // share of the training before it is on
  double squared_rise = 0.02;   // share of the training until it is fully on

  void visit(core::FieldVisitor& v);
  bool operator==(const PathRegularizerOptions&) const = default;
};

// When in a training: `lambda` from 0 to 1 (schedules.h), `share` the part of it that has passed.
struct Moment {
  double lambda = 0, share = 0;
};

// The sum, with its gradient. By default lambda (H + R + 0.001 T) of spec rspnet 6, but for the
// mean that H is.
GateLoss path_regularizer(const Grid& grid,
                          const EdgeValues& gates,
                          const GridCosts& costs,
                          const PathRegularizerOptions& options,
                          const Moment& moment);

}  // namespace parsimony::differentiable
