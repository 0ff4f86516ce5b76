// SPDX-License-Identifier: Apache-2.0
#include "parsimony/metric/depth.h"

#include <algorithm>
#include <cmath>

namespace parsimony::metric {

void DepthErrors::add(const float* truth, const float* predicted, std::int64_t pixels) {
  constexpr double kRatio = 1.25;
  for (std::int64_t i = 0; i < pixels; ++i) {
    const double t = static_cast<double>(truth[i]);
    if (!std::isfinite(t) || t <= 0) continue;
    // Written so that NaN stays NaN.
    const double found = static_cast<double>(predicted[i]);
    const double d = found < kLeast ? kLeast : found;
    const double error = d - t;
    const double log_ratio = std::log(d / t);
    ++pixels_;
    square_ += error * error;
    log_square_ += log_ratio * log_ratio;
    log10_ += std::abs(log_ratio) / std::log(10.0);
    relative_ += std::abs(error) / t;
    square_relative_ += error * error / t;
    const double ratio = std::max(d / t, t / d);
    double bound = kRatio;
    for (std::int64_t& within : within_) {
      if (ratio < bound) ++within;
      bound *= kRatio;
    }
  }
}

void DepthErrors::add(const DepthErrors& other) {
  pixels_ += other.pixels_;
  square_ += other.square_;
  log_square_ += other.log_square_;
  log10_ += other.log10_;
  relative_ += other.relative_;
  square_relative_ += other.square_relative_;
  for (int k = 0; k < 3; ++k) within_[k] += other.within_[k];
}

std::optional<DepthQuality> DepthErrors::quality() const {
  if (pixels_ == 0) return std::nullopt;
  const auto n = static_cast<double>(pixels_);
  return DepthQuality{.rmse = std::sqrt(square_ / n),
                      .rmse_log = std::sqrt(log_square_ / n),
                      .log10 = log10_ / n,
                      .absolute_relative = relative_ / n,
                      .squared_relative = square_relative_ / n,
                      .delta1 = static_cast<double>(within_[0]) / n,
                      .delta2 = static_cast<double>(within_[1]) / n,
                      .delta3 = static_cast<double>(within_[2]) / n};
}

}  // namespace parsimony::metric
