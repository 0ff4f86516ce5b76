// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

namespace parsimony::metric {

// The usual figures of depth prediction (Eigen, Puhrsch & Fergus, NIPS 2014), means over all valid
// pixels of a data set. Lengths in metres; logarithms are natural but for log10.
struct DepthQuality {
  double rmse = 0;               // sqrt of the mean of (d - t)^2
  double rmse_log = 0;           // sqrt of the mean of (ln d - ln t)^2
  double log10 = 0;              // mean of |log10 d - log10 t|
  double absolute_relative = 0;  // mean of |d - t| / t
  double squared_relative = 0;   // mean of (d - t)^2 / t
  double delta1 = 0;             // share of pixels with max(d / t, t / d) < 1.25
  double delta2 = 0;             // < 1.25^2
  double delta3 = 0;             // < 1.25^3
};

// Sums of depth errors. Pixels whose true depth is not a finite positive number are invalid and
// left out. Predictions are raised to `least` first, since logarithms and ratios need a positive
// depth.
class DepthErrors {
 public:
  static constexpr double kLeast = 1e-3;  // metres

  void add(const float* truth, const float* predicted, std::int64_t pixels);
  void add(const DepthErrors& other);

  std::int64_t pixels() const { return pixels_; }  // valid ones
  // nullopt when no pixel was valid. A prediction that is not finite makes the figures so.
  std::optional<DepthQuality> quality() const;

 private:
  std::int64_t pixels_ = 0;
  double square_ = 0, log_square_ = 0, log10_ = 0, relative_ = 0, square_relative_ = 0;
  std::int64_t within_[3] = {};
};

}  // namespace parsimony::metric
