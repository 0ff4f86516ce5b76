// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/sharpness.h"

#include <algorithm>
#include <cmath>

#include "parsimony/core/error.h"

namespace parsimony::differentiable {
namespace {

constexpr double kRounding = 1 + 1e-9;

// Of up to `window` evaluations, the last of them at `newest`.
double local_mean(std::span<const SharpnessPoint> series, std::size_t newest, std::size_t window) {
  const std::size_t count = std::min(window, newest + 1);
  double sum = 0;
  for (const SharpnessPoint& point : series.subspan(newest + 1 - count, count))
    sum += point.eigenvalue;
  return sum / static_cast<double>(count);
}

}  // namespace

void SharpnessOptions::visit(core::FieldVisitor& v) {
  v.choice(
      "remedy",
      remedy,
      kSharpnessRemedyNames,
      {"off, stop (return to an earlier epoch's cell) or adaptive (return, and go on with more "
       "weight decay)"});
  v.field("every", every, {"epochs between estimates of the largest eigenvalue", 1, 1000});
  v.field("window", window, {"estimates in a moving mean; odd", 1, 99});
  v.field("delta", delta, {"estimates between the means that are compared", 1, 100});
  v.field("threshold", threshold, {"largest ratio of the means", 1, 1000});
  v.field("least", least, {"an earlier mean below it counts as this; eigenvalue", 0});
  v.field("start", start, {"epochs of alphas before the first one to return to", 0, 10000});
  v.field("steps", steps, {"products of power iteration per estimate", 1, 1000});
  v.field("difference", difference, {"step of the differences that give a product", 1e-8, 1});
  v.field("batches", batches, {"fixed batches of validation data behind an estimate", 1, 10000});
  v.field("decay_factor", decay_factor, {"adaptive: factor for the weight decay", 1.1, 1000});
  v.field("decay_most", decay_most, {"adaptive: largest weight decay", 0, 1});
}

void check(const SharpnessOptions& options) {
  if (options.window % 2 != 0) return;
  core::throw_user_error(
      "sharpness: a window of {} estimates; expected an odd number, for example 5, so that one of "
      "them is its centre",
      options.window);
}

bool reliable(const Eigenvalue& estimate, const SharpnessOptions& options) {
  return estimate.error <= 0.1 * std::max(std::abs(estimate.value), options.least);
}

std::optional<int> epoch_to_return_to(std::span<const SharpnessPoint> series,
                                      const SharpnessOptions& options,
                                      int earliest) {
  check(options);
  for (const SharpnessPoint& point : series) {
    core::require(std::isfinite(point.eigenvalue),
                  "an eigenvalue of {} in epoch {}",
                  point.eigenvalue,
                  point.epoch);
  }
  const auto delta = static_cast<std::size_t>(options.delta);
  const auto window = static_cast<std::size_t>(options.window);
  if (series.size() <= delta + window / 2) return std::nullopt;

  const std::size_t newest = series.size() - 1, before = newest - delta;
  const int centre = series[before - window / 2].epoch;
  if (centre < earliest) return std::nullopt;
  const double mean_now = local_mean(series, newest, window);
  const double mean_before = local_mean(series, before, window);
  const bool too_sharp =
      mean_now > options.threshold * std::max(mean_before, options.least) * kRounding;
  return too_sharp ? std::optional(centre) : std::nullopt;
}

std::optional<double> escalated_weight_decay(double decay, const SharpnessOptions& options) {
  const double escalated = decay * options.decay_factor;
  return escalated <= options.decay_most * kRounding ? std::optional(escalated) : std::nullopt;
}

}  // namespace parsimony::differentiable
