// SPDX-License-Identifier: Apache-2.0
#include "parsimony/report/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace parsimony::report {
namespace {

constexpr double kLogFactor = 6;

struct Prefix {
  double factor = 1;
  std::string_view text;
};

Prefix prefix_for(double largest) {
  if (largest >= 1e12) return {1e12, "T"};
  if (largest >= 1e9) return {1e9, "G"};
  if (largest >= 1e6) return {1e6, "M"};
  if (largest >= 1e4) return {1e3, "k"};
  return {1, ""};
}

// The smallest step of 1, 2 or 5 times a power of ten that needs at most seven ticks.
double tick_step(double range) {
  constexpr double kIntervals = 6;
  const double rough = range / kIntervals;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * 0.999) return factor * power;
  }
  return 10 * power;
}

std::vector<double> linear_ticks(double low, double high, bool whole) {
  double step = tick_step(high - low);
  if (whole) step = std::max(1.0, step);
  std::vector<double> ticks;
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k)
    ticks.push_back(k * step);
  return ticks;
}

std::vector<double> log_ticks(double low, double high) {
  static const std::array<std::vector<double>, 4> kSets = {
      std::vector<double>{1}, {1, 3}, {1, 2, 5}, {1, 1.5, 2, 3, 4, 5, 6, 8}};
  std::vector<double> ticks;
  for (const auto& mantissas : kSets) {
    ticks.clear();
    for (double e = std::floor(std::log10(low)); e <= std::log10(high); ++e) {
      for (const double m : mantissas) {
        const double value = m * std::pow(10.0, e);
        if (value >= low && value <= high) ticks.push_back(value);
      }
    }
    if (ticks.size() >= 4) break;
  }
  return ticks;
}

}  // namespace

double Axis::place(double value) const {
  if (logarithmic) return std::log(value / low) / std::log(high / low);
  return (value - low) / (high - low);
}

Axis make_axis(const std::vector<double>& values, const AxisOptions& options) {
  double low = 0, high = 1;
  if (!values.empty()) {
    const auto [min, max] = std::minmax_element(values.begin(), values.end());
    low = *min;
    high = *max;
  }
  if (options.from_zero) {
    low = std::min(low, 0.0);
    high = std::max(high, 0.0);
  }
  Axis axis;
  axis.logarithmic = options.may_be_log && low > 0 && high / low > kLogFactor;
  if (axis.logarithmic) {
    const double widen = std::pow(high / low, options.headroom);
    axis.low = low / widen;
    axis.high = high * widen;
  } else {
    double range = high - low;
    // One value alone stands in the middle of a range of its own size.
    if (range <= 0) range = high == 0 ? 1 : std::abs(high) / options.headroom / 4;
    axis.low = options.from_zero && low == 0 ? 0 : low - options.headroom * range;
    axis.high = high + options.headroom * range;
    if (options.counts && low >= 0) axis.low = std::max(axis.low, 0.0);
  }
  const Prefix prefix = options.counts    ? prefix_for(axis.high)
                        : options.percent ? Prefix{0.01, "%"}
                                          : Prefix{};
  axis.prefix = std::string(prefix.text);
  const auto ticks = axis.logarithmic ? log_ticks(axis.low, axis.high)
                                      : linear_ticks(axis.low, axis.high, options.whole);
  double last = -1;
  for (const double tick : ticks) {
    // On a logarithmic axis neighbours differ in distance, and the nearest would touch.
    constexpr double kNearest = 0.09;
    if (axis.logarithmic && axis.place(tick) - last < kNearest) continue;
    last = axis.place(tick);
    // Sums of steps are a rounding error away from what should be printed.
    const double shown = std::abs(tick) < 1e-12 * (axis.high - axis.low) ? 0 : tick / prefix.factor;
    axis.ticks.push_back({tick, fmt::format("{:.6g}", shown)});
  }
  return axis;
}

}  // namespace parsimony::report
