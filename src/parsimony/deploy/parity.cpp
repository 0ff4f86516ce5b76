// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/parity.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "parsimony/core/error.h"

namespace parsimony::deploy {
namespace {

std::size_t largest_channel(std::span<const float> map, std::size_t channels, std::size_t pixel) {
  const std::size_t pixels = map.size() / channels;
  std::size_t best = 0;
  for (std::size_t c = 1; c < channels; ++c) {
    if (map[c * pixels + pixel] > map[best * pixels + pixel]) best = c;
  }
  return best;
}

}  // namespace

double Parity::relative() const {
  if (max_difference == 0) return 0;
  return max_reference == 0 ? std::numeric_limits<double>::infinity()
                            : max_difference / max_reference;
}

void Parity::visit(core::FieldVisitor& v) {
  v.field("max_difference", max_difference, {"largest absolute difference", 0});
  v.field("max_reference", max_reference, {"largest absolute value of the reference", 0});
  v.field("class_agreement", class_agreement, {"share of pixels with the same class", 0, 1});
}

Parity compare(std::span<const float> reference,
               std::span<const float> actual,
               std::int64_t channels) {
  core::require(reference.size() == actual.size(),
                "parity of arrays with {} and {} values",
                reference.size(),
                actual.size());
  core::require(channels > 0 && !reference.empty() &&
                    reference.size() % static_cast<std::size_t>(channels) == 0,
                "parity of {} values with {} channels",
                reference.size(),
                channels);
  Parity parity;
  bool finite = true;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const double a = reference[i];
    const double b = actual[i];
    finite = finite && std::isfinite(a) && std::isfinite(b);
    parity.max_difference = std::max(parity.max_difference, std::abs(a - b));
    parity.max_reference = std::max(parity.max_reference, std::abs(a));
  }
  if (!finite) {
    // Not NaN: comparisons with it would make the largest difference depend on the order of values.
    parity.max_difference = std::numeric_limits<double>::infinity();
    parity.max_reference = 0;
  }
  const auto count = static_cast<std::size_t>(channels);
  const std::size_t pixels = reference.size() / count;
  std::size_t same = 0;
  for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
    same +=
        largest_channel(reference, count, pixel) == largest_channel(actual, count, pixel) ? 1 : 0;
  }
  parity.class_agreement = static_cast<double>(same) / static_cast<double>(pixels);
  return parity;
}

}  // namespace parsimony::deploy
