// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "parsimony/core/fields.h"

namespace parsimony::deploy {

// How closely an exported network repeats what the trained one gave for the same picture.
struct Parity {
  double max_difference = 0;   // largest absolute difference
  double max_reference = 0;    // largest absolute value of the reference
  double class_agreement = 1;  // share of pixels whose largest channel is the same one

  // max_difference / max_reference; 0 when both are 0.
  double relative() const;
  // A value that is not finite on either side never passes. The agreement is reported only: where
  // two classes are equally likely, rounding decides.
  bool passes(double tolerance) const { return relative() <= tolerance; }

  void visit(core::FieldVisitor& v);
  bool operator==(const Parity&) const = default;
};

// Both [channels, height, width], or any batch of one; a size that does not fit is an internal
// error.
Parity compare(std::span<const float> reference,
               std::span<const float> actual,
               std::int64_t channels);

}  // namespace parsimony::deploy
